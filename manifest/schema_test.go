package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

func published(t testing.TB) (s *jsonschema.Schema) {
	t.Helper()
	require.NoError(t, json.Unmarshal(Schema(), &s))
	return s
}

func resolved(t testing.TB) *jsonschema.Resolved {
	t.Helper()
	s := published(t)
	r, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	require.NoError(t, err)
	return r
}

// instance is a YAML text as JSON has it, which is what a schema is about.
func instance(text []byte) (v any, err error) {
	if err := yaml.Unmarshal(text, &v); err != nil {
		return nil, err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	v = nil
	err = json.Unmarshal(data, &v)
	return v, err
}

// The schema describes the keys that the loader reads, and no others.
func TestSchemaHasTheKeysOfTheLoader(t *testing.T) {
	root := published(t)
	for _, c := range []struct {
		schema *jsonschema.Schema
		spec   *mappingSpec
	}{
		{root, documentSpec},
		{root.Properties["account"], accountSpec},
		{root.Properties["policy"], policySpec},
		{root.Properties["defaults"], defaultsSpec},
		{root.Properties["apps_from"], appsFromSpec},
		{root.Defs["app"], appSpec},
		{root.Defs["certificates"], certificatesSpec},
		{root.Defs["certificate"], certificateSpec},
	} {
		assert.ElementsMatch(t, c.spec.keys, slices.Collect(maps.Keys(c.schema.Properties)), c.spec.what)
		assert.Equal(t, &jsonschema.Schema{Not: &jsonschema.Schema{}}, c.schema.AdditionalProperties, c.spec.what)
		for key, property := range c.schema.Properties {
			assert.True(t, property.Description != "" || key == "version", "%s of %s is not described", key, c.spec.what)
		}
	}
	assert.Subset(t, documentSpec.keys, includedSpec.keys)
	for _, name := range []string{"secret", "account_secret"} {
		var sources []string
		for _, one := range root.Defs[name].OneOf {
			sources = append(sources, one.Required...)
		}
		assert.Equal(t, secretSpec.keys, sources)
	}
}

// The schema has a name of its version, and it is none that an editor would try to fetch.
func TestSchemaIsNamedByItsVersion(t *testing.T) {
	root := published(t)
	assert.Equal(t, fmt.Sprintf("urn:jpsync:manifest:%v", root.Properties["version"].Enum[0]), root.ID)
}

// The limits of the schema are those of the loader.
func TestSchemaHasTheLimitsOfTheLoader(t *testing.T) {
	root := published(t)
	app := root.Defs["app"].Properties
	for key, limit := range map[string]int{
		"id": maxIDRunes, "app_name": maxNameRunes, "group_name": maxNameRunes, "android_package": maxPackageBytes, "bundle_id": maxBundleBytes,
	} {
		assert.Equal(t, limit, *app[key].MaxLength, key)
	}
	assert.Equal(t, maxLabels, *app["labels"].MaxProperties)
	assert.Equal(t, maxLabelRunes, *app["labels"].PropertyNames.MaxLength)
	assert.Equal(t, maxEnvBytes, *root.Defs["secret"].OneOf[0].Properties["env"].MaxLength)
	assert.Equal(t, maxPathBytes, *root.Defs["certificate"].Properties["file"].MaxLength)
	var enum []string
	for _, v := range root.Properties["apps_from"].Properties["encoding"].AnyOf[0].Enum {
		enum = append(enum, v.(string))
	}
	assert.Equal(t, []string{utf8Encoding, gb18030Encoding}, enum)
}

func TestSchemaTakesEveryExample(t *testing.T) {
	schema := resolved(t)
	files, err := filepath.Glob(filepath.Join("..", "examples", "*", "*.yaml"))
	require.NoError(t, err)
	files = append(files, filepath.Join("..", "internal", "cli", "template.yaml"))
	require.Greater(t, len(files), 2)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		v, err := instance(text)
		require.NoError(t, err, file)
		assert.NoError(t, schema.Validate(v), file)
	}
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(readme), "```yaml\nversion: 1")
	text, _, found := strings.Cut(after, "```")
	require.True(t, found)
	v, err := instance([]byte("version: 1" + text))
	require.NoError(t, err)
	assert.NoError(t, schema.Validate(v))
}

// beyond are the broken manifests whose fault is none of structure: another entry or file
// has to be known, or placeholders to be filled, or a second document follows, or the
// encoding is at fault.
var beyond = map[string]bool{
	"duplicate-ids.yaml": true, "duplicate-packages.yaml": true, "no-apps.yaml": true, "placeholder-escape.yaml": true,
	"merge-itself.yaml": true, "text-after-end.yaml": true, "two-documents.yaml": true, "utf16.yaml": true,
}

func TestSchemaRefusesBrokenManifests(t *testing.T) {
	schema := resolved(t)
	files, err := filepath.Glob(filepath.Join("testdata", "broken", "*.yaml"))
	require.NoError(t, err)
	refused := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		v, err := instance(text)
		if err != nil {
			continue // no YAML at all, or none that has a JSON form
		}
		if beyond[filepath.Base(file)] {
			assert.NoError(t, schema.Validate(v), file)
			continue
		}
		if assert.Error(t, schema.Validate(v), file) {
			refused++
		}
	}
	require.Greater(t, refused, 20)
}

// inCertificate puts a fault into an entry that is good but for it.
func inCertificate(fault string) string {
	return "apps: [{id: a, app_name: A, android_package: cn.a, certificates: {production: " + fault + "}}]"
}

func inApp(fault string) string {
	return "apps: [{app_name: A, " + fault + "}]"
}

// Each of these has one fault, which both the schema and the loader see.
var oneFault = []string{
	"apps: null", "apps: []\napps_from: null", "apps: []\ninclude: null", "apps: 3", "apps: {shop: {app_name: A}}", "apps: [text]", "apps: [null]", "xyzzy: 1\napps: []",
	"apps: [{android_package: cn.a}]", "apps: [{app_name: A}]", inApp("android_package: shop"), inApp("android_package: cn.1a"),
	inApp("android_package: cn.a-b"), inApp("android_package: 3"), inApp("android_package: cn.a, id: 3"), inApp(`android_package: cn.a, id: ""`),
	inApp("android_package: cn.a, id: null"), inApp(`android_package: cn.a, id: " a"`), inApp(`android_package: cn.a, id: "a\tb"`),
	inApp("android_package: cn.a, bundle_id: a_b"), inApp("android_package: cn.a, group_name: [x]"), inApp(`android_package: cn.a, group_name: ""`),
	inApp("android_package: cn.a, protect: 1"), inApp(`android_package: cn.a, protect: "true"`), inApp("android_package: cn.a, labels: [x]"),
	inApp("android_package: cn.a, labels: {a: 1}"), inApp("android_package: cn.a, labels: {a=b: c}"), inApp("android_package: cn.a, nme: x"),
	inApp("android_package: cn.a, certificates: x.p12"), inApp("android_package: cn.a, certificates: {prod: {file: a.p12}}"),
	inCertificate("a.p12"), inCertificate("{}"), inCertificate("{file: null}"), inCertificate(`{file: ""}`), inCertificate("{file: /a.p12}"),
	inCertificate(`{file: 'c:\a.p12'}`), inCertificate("{file: certs/}"), inCertificate(`{file: "${di}.p12"}`), inCertificate(`{file: "${id"}`),
	inCertificate("{file: a, password: secret}"), inCertificate("{file: a, password: {}}"), inCertificate("{file: a, password: {env: A, file: b}}"),
	inCertificate("{file: a, password: {env: 1A}}"), inCertificate("{file: a, password: {env: $A}}"), inCertificate("{file: a, password: {var: A}}"),
	inCertificate("{file: a, password: {file: /etc/x}}"),
	"apps: []\naccount: [a]", "apps: []\naccount: {dev_key: 0123}", `apps: []` + "\n" + `account: {dev_key: {env: "K_${id}"}}`, "apps: []\naccount: {key: {env: A}}",
	"apps: []\nstate: 3", `apps: []` + "\n" + `state: ""`, "apps: []\nstate: [a]", "apps: []\nstate_recipients: age1x", "apps: []\nstate_recipients: [AGE-SECRET-KEY-1X]",
	"apps: []\npolicy: {max_deletes: -1}", `apps: []` + "\n" + `policy: {max_deletes: "5"}`, "apps: []\npolicy: {max_deletes: 101%}", "apps: []\npolicy: {max_deletes: 1.5}",
	"apps: []\npolicy: {on_existing: skip}", "apps: []\npolicy: {renew_before: 30}", "apps: []\npolicy: {renew_before: 30 days}", "apps: []\npolicy: {renew: 1d}",
	"apps_from: apps.csv", "apps_from: [apps.csv]", "apps_from: {}", "apps_from: {csv: null}", "apps_from: {csv: /apps.csv}", "apps_from: {csv: 3}",
	"apps_from: {csv: apps.csv, encoding: latin-1}", "apps_from: {csv: apps.csv, sheet: 1}",
	"apps: []\ninclude: teams/*.yaml", "apps: []\ninclude: [3]", `apps: []` + "\n" + `include: [""]`, "apps: []\ndefaults: {id: x}",
}

func TestSchemaSeesSingleFaults(t *testing.T) {
	schema := resolved(t)
	path := filepath.Join(t.TempDir(), "jpsync.yaml")
	load := func(text string) error {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Load(path, Options{})
		return err
	}
	check := func(text string) error {
		v, err := instance([]byte(text))
		require.NoError(t, err, text)
		return schema.Validate(v)
	}
	require.Greater(t, len(oneFault), 30)
	for _, fault := range append(oneFault, "version: 2", `version: "1"`, "version: null") {
		text := fault
		if !strings.HasPrefix(text, "version") {
			text = "version: 1\n" + text
		} else {
			text += "\napps: []"
		}
		assert.Error(t, load(text), text)
		assert.Error(t, check(text), text)
	}
	// The entries that the faults were put into are good without them.
	for _, text := range []string{inApp("android_package: cn.a"), inCertificate("{file: a}"), inCertificate("null"), "apps: []\naccount: null\npolicy: null"} {
		text = "version: 1\n" + text
		assert.NoError(t, load(text), text)
		assert.NoError(t, check(text), text)
	}
}

// What a check of the loader lets pass, the schema does; for the grammars that a pattern can
// say in full, the other way round as well.
func TestSchemaIsNeverStricterThanTheLoader(t *testing.T) {
	schema := resolved(t)
	accepts := func(t *rapid.T, text string, v any) bool {
		doc := map[string]any{"version": 1.0, "apps": []any{}}
		app := map[string]any{"app_name": "A", "android_package": "cn.a"}
		switch text {
		case "max_deletes", "renew_before":
			doc["policy"] = map[string]any{text: v}
		case "env", "file":
			app["certificates"] = map[string]any{"production": map[string]any{"file": "a", "password": map[string]any{text: v}}}
		case "label":
			app["labels"] = map[string]any{"a": v}
		case "key":
			app["labels"] = map[string]any{fmt.Sprint(v): "a"}
		default:
			app[text] = v
		}
		doc["apps"] = []any{app}
		return schema.Validate(doc) == nil
	}
	text := func(alphabet string) *rapid.Generator[string] {
		return rapid.StringOfN(rapid.RuneFrom([]rune(alphabet)), 0, 12, -1)
	}
	for name, c := range map[string]struct {
		values *rapid.Generator[string]
		good   func(string) bool
		exact  bool
	}{
		"android_package": {text("aZ0_.-é"), func(s string) bool { return checkPackage(s) == "" }, true},
		"bundle_id":       {text("aZ0_.-é"), func(s string) bool { return checkBundle(s) == "" }, true},
		"id":              {rapid.OneOf(rapid.String(), text("a 商\t\u0085\u00a0\u2028\u3000é")), func(s string) bool { return CheckID(s) == nil }, false},
		"label":           {rapid.String(), func(s string) bool { return checkText(s, maxLabelRunes) == "" }, false},
		"key":             {text("a=, b\u00a0"), func(s string) bool { return checkLabelKey(s) == "" }, false},
		"max_deletes":     {text("015%"), func(s string) bool { _, err := ParseLimit(s); return err == nil && strings.HasSuffix(s, "%") }, true},
		"renew_before":    {text("01.dwhmsnuµμ"), func(s string) bool { _, err := ParseDuration(s); return err == nil }, false},
		"env":             {text("aZ9_.-商é$ ="), func(s string) bool { return checkEnv(s) == "" }, false},
		"file": {text(`a/\.c:$ {}`), func(s string) bool {
			problem := checkPlaceholders(s, false)
			if problem == "" {
				_, problem = relative("/m", "/m", s)
			}
			return problem == ""
		}, false},
	} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			s := c.values.Draw(t, name)
			good, accepted := c.good(s), accepts(t, name, s)
			if good && !accepted {
				t.Fatalf("the loader takes %q, the schema does not", s)
			}
			if c.exact && accepted && !good {
				t.Fatalf("the schema takes %q, the loader does not", s)
			}
		}))
	}
}
