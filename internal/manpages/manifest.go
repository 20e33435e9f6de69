package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// exampleManifest is the example of the page.
//
//go:embed example.yaml
var exampleManifest string

// manifestPage returns jpsync.yaml.5, from the text of the schema.
func manifestPage(text []byte, date time.Time) (string, error) {
	var root schema
	if err := json.Unmarshal(text, &root); err != nil {
		return "", err
	}
	p := &page{}
	p.begin("jpsync.yaml", "5", "the manifest of jpsync", date)

	p.macro("Sh DESCRIPTION")
	p.text("The manifest names " + strings.ToLower(root.Description[:1]) + root.Description[1:])
	p.text("It is YAML in UTF-8. --manifest names a file, or a directory of which every .yaml and .yml file is read. " +
		"A file that another one includes has version, apps and apps_from alone.")
	p.macro("Pp")
	p.text("An unknown key is an error, and so is one that is given twice. Ids are unique, and so are packages. " +
		"Names that differ only in their Unicode form are one name. All errors are reported at once, as file:line:column: message.")
	p.macro("Pp")
	p.text("A path is relative to the file that names it, and stays below the manifest's directory; certificates and files of secrets may be below --cert-root instead. " +
		"${id}, ${app_name} and ${android_package} stand for the app's own in the paths of certificates and in references to their passwords.")

	p.macro("Sh KEYS")
	p.keys(&root)
	for _, name := range []string{"account", "policy", "defaults", "apps_from"} {
		i := slices.IndexFunc(root.Properties, func(one property) bool { return one.name == name })
		if i < 0 {
			return "", fmt.Errorf("the schema has no %s", name)
		}
		p.part(name, root.Properties[i].schema)
	}
	for _, d := range []struct{ name, title string }{
		{"app", "apps: each app"},
		{"certificates", "certificates"},
		{"certificate", "certificates: each certificate"},
		{"secret", "secrets: password, dev_key, dev_secret"},
	} {
		def := root.Defs[d.name]
		if def == nil {
			return "", fmt.Errorf("the schema has no %s", d.name)
		}
		p.part(d.title, def)
	}

	p.macro("Sh EXAMPLES")
	p.text("Two apps, with a certificate each:")
	p.literal(exampleManifest)
	p.macro("Pp")
	p.text("A table of apps, apps.csv, for apps_from. An empty cell is not given, so the defaults apply; - is null.")
	p.literal("id,app_name,android_package,group_name,labels.team\nshop,Shop,cn.example.shop,Retail,retail\npay,Pay,cn.example.pay,-,payments\n")
	p.macro("Pp")
	p.text("Its other columns are bundle_id, protect, and certificates.production.file, .password_env and .password_file, likewise for development.")

	p.macro("Sh SEE ALSO")
	p.macro("Xr jpsync 1")
	p.macro("Pp")
	p.text("jpsync schema prints the JSON Schema from which this page is made, for editors.")
	return p.String(), nil
}

// part writes the keys of a mapping below a title.
func (p *page) part(title string, s *schema) {
	p.macro("Ss " + quote(title))
	p.text(s.Description)
	p.keys(s)
}

// keys writes the keys of a mapping. Where one of several is given, these are the keys.
func (p *page) keys(s *schema) {
	if len(s.OneOf) > 0 {
		p.macro("Pp")
		p.text("Just one of:")
	}
	p.macro("Bl -tag -width Ds")
	for _, one := range append([]*schema{s}, s.OneOf...) {
		for _, key := range one.Properties {
			p.macro("It Ic " + quote(key.name))
			p.text(key.Description)
			p.text(key.facts(len(s.OneOf) == 0 && slices.Contains(one.Required, key.name)))
		}
	}
	p.macro("El")
}

// facts are a key's type, whether it is required, its default and examples.
func (k property) facts(required bool) string {
	facts := "Type: " + k.kind()
	if required {
		facts += ", required"
	}
	facts += "."
	if k.Default != nil {
		facts += " Default: " + flow(k.Default) + "."
	}
	var examples []string
	for _, e := range k.Examples {
		examples = append(examples, flow(e))
	}
	if len(examples) > 0 {
		facts += " Example: " + strings.Join(examples, " or ") + "."
	}
	return facts
}
