package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A secret that somebody wrote into the manifest, in whatever form, is in no message: not
// whole, and not its first characters, which the YAML package likes to quote.
func TestCanary(t *testing.T) {
	const canary = "Tr0ub4dor"
	app := "version: 1\napps:\n  - id: a\n    app_name: A\n    android_package: cn.example.a\n    certificates:\n      production:\n        file: a.p12\n"
	for name, text := range map[string]string{
		"scalar":                        app + "        password: " + canary,
		"quoted":                        app + "        password: \"" + canary + "\"",
		"number":                        app + "        password: 987654321",
		"float":                         app + "        password: 987654.321",
		"date":                          app + "        password: 2001-01-01",
		"bool key":                      app + "        password: {true: " + canary + "}",
		"list":                          app + "        password: [" + canary + "]",
		"nested map":                    app + "        password: {env: {file: " + canary + "}}",
		"nested list":                   app + "        password: {file: [" + canary + "]}",
		"wrong key":                     app + "        password: {value: " + canary + "}",
		"as a key":                      app + "        password: {" + canary + ": x}",
		"as a set":                      app + "        password: {" + canary + "}",
		"as a near key":                 app + "        password: {enw: " + canary + "}",
		"env with a number":             app + "        password: {env: 987654321}",
		"env with spaces":               app + "        password: {env: \"" + canary + " x\"}",
		"env with a dollar":             app + "        password: {env: $" + canary + "}",
		"env as placeholder":            app + "        password: {env: \"${" + canary + "}\"}",
		"env open":                      app + "        password: {env: \"${" + canary + "\"}",
		"file as placeholder":           app + "        password: {file: \"${" + canary + "}\"}",
		"file absolute":                 app + "        password: {file: /" + canary + "}",
		"file outside":                  app + "        password: {file: ../" + canary + "}",
		"file multi-line":               app + "        password: {file: \"" + canary + "\\nx\"}",
		"both":                          app + "        password: {env: " + canary + ", file: " + canary + "}",
		"literal block":                 app + "        password: |\n          " + canary + "\n          more",
		"folded block":                  app + "        password: >-\n          " + canary,
		"tag":                           app + "        password: !" + canary,
		"known tag":                     app + "        password: !!int " + canary,
		"binary":                        app + "        password: !!binary " + canary,
		"python":                        app + "        password: !!python/object:" + canary + " x",
		"anchor":                        app + "        password: &" + canary,
		"anchored":                      app + "        password: &p " + canary,
		"alias":                         app + "        password: *" + canary,
		"through an alias":              "x-pass: &p " + canary + "\n" + app + "        password: *p",
		"merged":                        "x-pass: &p {password: " + canary + "}\n" + app + "        <<: *p",
		"merged literal":                app + "        password: {<<: " + canary + "}",
		"unknown key":                   app + "        pasword: " + canary,
		"unknown key far":               app + "        secret_word: " + canary,
		"no colon":                      app + "        password " + canary,
		"no colon in flow":              app + "      development: {file: b.p12, password " + canary + "}",
		"positional":                    app + "      development: {file: b.p12, " + canary + "}",
		"positional, near a key":        app + "      development: {file: b.p12, Passwort9}",
		"colon in it":                   app + "        password: " + canary + ": x",
		"quote in it":                   app + "        password: \"" + canary + "\"x",
		"quote open":                    app + "        password: \"" + canary + "\n",
		"bracket open":                  app + "        password: [" + canary + "\n",
		"brace open":                    app + "        password: {env: " + canary + "\n",
		"at sign":                       app + "        password: @" + canary,
		"backtick":                      app + "        password: `" + canary,
		"percent":                       app + "        password: %" + canary,
		"bad escape":                    app + "        password: \"" + canary + "\\q\"",
		"control character":             app + "        password: " + canary + "\x01",
		"not UTF-8":                     app + "        password: " + canary + "\xff",
		"tab":                           app + "\t\tpassword: " + canary,
		"bad indent":                    app + "       password: " + canary,
		"bad block":                     app + "        password: | " + canary,
		"bad tag":                       app + "        password: !<" + canary + " x",
		"tag handle":                    app + "        password: !e!" + canary + " x",
		"twice":                         app + "        password: {env: A}\n        password: " + canary,
		"second document":               app + "---\npassword: " + canary,
		"dev_key":                       "version: 1\napps: []\naccount:\n  dev_key: " + canary,
		"dev_secret":                    "version: 1\napps: []\naccount:\n  dev_secret: [" + canary + "]",
		"account pair":                  "version: 1\napps: []\naccount: {" + canary + ": 987654321}",
		"account literal":               "version: 1\napps: []\naccount: " + canary,
		"defaults":                      "version: 1\napps: []\ndefaults: {certificates: {production: {file: a, password: " + canary + "}}}",
		"in the place of a certificate": "version: 1\napps: []\ndefaults: {certificates: {production: " + canary + "}}",
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, t.TempDir(), "m.yaml", text)
			_, err := Load(file, Options{})
			require.Error(t, err)
			said := strings.ToLower(err.Error())
			for _, part := range []string{canary[:4], canary[len(canary)-4:], "987654", "2001-01", "passwort9"} {
				assert.NotContains(t, said, strings.ToLower(part))
			}
		})
	}
}
