package report

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/template"
)

// TemplateApp is one app as a template sees it.
type TemplateApp struct {
	ID             string
	AppName        string
	AndroidPackage string
	AppKey         string

	secret string
	shown  bool
}

// MasterSecret is an error where there is none to give: an empty secret in a finished file
// would only be found out when the release runs.
func (a TemplateApp) MasterSecret() (string, error) {
	switch {
	case !a.shown:
		return "", errors.New("the template asks for a master secret: pass --show-secrets")
	case a.secret == "":
		return "", fmt.Errorf("the master secret of %s is not known: the server never told it", a.ID)
	}
	return a.secret, nil
}

// HasMasterSecret reports whether MasterSecret has one to give.
func (a TemplateApp) HasMasterSecret() bool { return a.shown && a.secret != "" }

// KeysTemplate writes what a text/template makes of the keys; the result is taken as it is
// and not escaped. The template is given .Apps, a list of [TemplateApp], and beside the
// usual functions has
//
//	app "shop"   that app, an error if it is not among them
//	env .        the app's name within environment variables: SHOP
//	quote TEXT   the text in double quotes, escaped as JSON, YAML and most languages have it
//
// Whatever a template refers to and is not there is an error, with the template's name, line
// and column; then nothing is written. shown says whether master secrets were asked for.
func KeysTemplate(w io.Writer, keys []Key, name, text string, shown bool) error {
	apps := make([]TemplateApp, 0, len(keys))
	byID := make(map[string]TemplateApp, len(keys))
	for _, k := range keys {
		app := TemplateApp{ID: k.ID, AppName: k.AppName, AndroidPackage: k.AndroidPackage, AppKey: k.AppKey, secret: k.MasterSecret, shown: shown}
		apps = append(apps, app)
		byID[k.ID] = app
	}
	_, shared := variables(keys) // two apps under one name, which matters to env alone
	t, err := template.New(name).Funcs(template.FuncMap{
		"app": func(id string) (TemplateApp, error) {
			app, ok := byID[id]
			if !ok {
				return app, fmt.Errorf("there is no app with the id %q among those asked for", id)
			}
			return app, nil
		},
		"env": func(app TemplateApp) (string, error) {
			return VariableName(Key{ID: app.ID, AndroidPackage: app.AndroidPackage}), shared
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

// quote escapes for JSON, whose strings YAML, Kotlin, JavaScript and Python read as well.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029':
			b.WriteString(`\u` + strconv.FormatInt(0x10000+int64(r), 16)[1:])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
