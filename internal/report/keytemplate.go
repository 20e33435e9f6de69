package report

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
)

// key keeps the embedded field unexported: .Key.MasterSecret would go around the method.
type key = Key

// templateApp is an app in a template: a [Key] whose master secret is a method.
type templateApp struct {
	key
	shown bool // master secrets were asked for
}

// MasterSecret returns an error if there is none to give: a file with an empty secret would
// fail in the release only.
func (a templateApp) MasterSecret() (string, error) {
	switch {
	case !a.shown:
		return "", errors.New("the template asks for a master secret: pass --show-secrets")
	case a.key.MasterSecret == "":
		return "", fmt.Errorf("the master secret of %s is not known: the server never sent it", a.ID)
	}
	return a.key.MasterSecret, nil
}

// HasMasterSecret reports whether MasterSecret returns one.
func (a templateApp) HasMasterSecret() bool { return a.shown && a.key.MasterSecret != "" }

// fromTemplate executes a text/template with .Apps, a list of [templateApp]. The output is not
// escaped. Besides the usual functions there are
//
//	app "shop"   that app, an error if it is not among them
//	env .        the app's part of the name of an environment variable: SHOP
//	quote TEXT   the text in double quotes, escaped for JSON, whose strings YAML, JavaScript and
//	             Python read too
//
// An error has the template's name, line and column.
func fromTemplate(keys []Key, name string, o KeyOptions) (string, error) {
	apps := make([]templateApp, len(keys))
	byID := make(map[string]templateApp, len(keys))
	for i, k := range keys {
		apps[i] = templateApp{k, o.Secrets}
		byID[k.ID] = apps[i]
	}
	_, sameName := variables(keys)
	t, err := template.New(name).Funcs(template.FuncMap{
		"app": func(id string) (templateApp, error) {
			app, ok := byID[id]
			if !ok {
				return app, fmt.Errorf("there is no app with the id %q among those asked for", id)
			}
			return app, nil
		},
		"env": func(app templateApp) (string, error) { return variableName(app.key), sameName },
		"quote": func(s string) (string, error) {
			var b strings.Builder
			err := writeJSON(&b, s, "")
			return strings.TrimSuffix(b.String(), "\n"), err
		},
	}).Parse(o.Template)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, struct{ Apps []templateApp }{apps}); err != nil {
		return "", withoutSecrets(err, keys)
	}
	return b.String(), nil
}

// withoutSecrets masks the master secrets in the error of a template, which may quote a value as a
// whole: an app, or all of them.
func withoutSecrets(err error, keys []Key) error {
	var masks []string
	for _, k := range keys {
		if k.MasterSecret != "" {
			masks = append(masks, k.MasterSecret, "(secret)")
		}
	}
	return errors.New(cut(strings.NewReplacer(masks...).Replace(err.Error()), 300))
}
