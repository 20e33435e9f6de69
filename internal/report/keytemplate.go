package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"
)

// TemplateApp is an app in a template.
type TemplateApp struct {
	ID             string
	AppName        string
	AndroidPackage string
	AppKey         string

	secret string
	shown  bool
}

// MasterSecret returns an error if there is none to give: a file with an empty secret would
// fail in the release only.
func (a TemplateApp) MasterSecret() (string, error) {
	switch {
	case !a.shown:
		return "", errors.New("the template asks for a master secret: pass --show-secrets")
	case a.secret == "":
		return "", fmt.Errorf("the master secret of %s is not known: the server never sent it", a.ID)
	}
	return a.secret, nil
}

// HasMasterSecret reports whether MasterSecret returns one.
func (a TemplateApp) HasMasterSecret() bool { return a.shown && a.secret != "" }

// KeysTemplate executes a text/template with .Apps, a list of [TemplateApp]. The output is not
// escaped. Besides the usual functions there are
//
//	app "shop"   that app, an error if it is not among them
//	env .        the app's part of the name of an environment variable: SHOP
//	quote TEXT   the text in double quotes, escaped for JSON and YAML
//
// An error has the template's name, line and column, and nothing is written then. shown says
// whether master secrets were asked for.
func KeysTemplate(w io.Writer, keys []Key, name, text string, shown bool) error {
	apps := make([]TemplateApp, 0, len(keys))
	byID := make(map[string]TemplateApp, len(keys))
	for _, k := range keys {
		app := TemplateApp{ID: k.ID, AppName: k.AppName, AndroidPackage: k.AndroidPackage, AppKey: k.AppKey, secret: k.MasterSecret, shown: shown}
		apps = append(apps, app)
		byID[k.ID] = app
	}
	_, sameName := variables(keys)
	t, err := template.New(name).Funcs(template.FuncMap{
		"app": func(id string) (TemplateApp, error) {
			app, ok := byID[id]
			if !ok {
				return app, fmt.Errorf("there is no app with the id %q among those asked for", id)
			}
			return app, nil
		},
		"env": func(app TemplateApp) (string, error) {
			return variableName(Key{ID: app.ID, AndroidPackage: app.AndroidPackage}), sameName
		},
		"quote": quote,
	}).Parse(text)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, struct{ Apps []TemplateApp }{apps}); err != nil {
		return err
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// quote escapes for JSON, whose strings YAML, Kotlin, JavaScript and Python read too.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
