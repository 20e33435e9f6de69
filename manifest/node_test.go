package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

func loadText(t testing.TB, text string) (*Manifest, error) {
	t.Helper()
	return Load(write(t, t.TempDir(), "m.yaml", text), Options{})
}

func TestAliasesAndMergeKeys(t *testing.T) {
	m, err := loadText(t, `version: 1
apps:
  - &base
    id: a
    app_name: &name A
    android_package: cn.a
    group_name: G
    certificates: &certs
      production: &prod {file: p.p12, password: &pass {env: PASS}}
  - <<: *base
    id: b
    android_package: cn.b
  - <<: [{id: c, group_name: H}, *base]
    android_package: cn.c
    certificates: {<<: *certs, development: {<<: *prod, file: d.p12}}
  - {id: d, app_name: *name, android_package: cn.d, certificates: {production: {file: d.p12, password: *pass}}}
`)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c", "d"}, ids(m))
	for i, group := range []string{"G", "G", "H", ""} {
		assert.Equal(t, "A", m.Apps[i].AppName)
		assert.Equal(t, group, m.Apps[i].GroupName)
		assert.Equal(t, "PASS", m.Apps[i].Certificates[jpush.Production].Password.Env)
	}
	assert.Equal(t, "d.p12", m.Apps[2].Certificates[jpush.Development].File)
	assert.Equal(t, "p.p12", m.Apps[2].Certificates[jpush.Production].File)
}

// What is wrong with a node is said once, however many aliases lead to it.
func TestErrorsBehindAliases(t *testing.T) {
	_, err := loadText(t, "version: 1\napps:\n"+
		"  - {id: a, app_name: A, android_package: cn.a, certificates: &c {production: {file: /a.p12}}}\n"+
		"  - {id: b, app_name: B, android_package: cn.b, certificates: *c}\n")
	require.Error(t, err)
	assert.Len(t, err, 1)
}

// A mapping that is merged has no merge key itself: one level is enough.
func TestNestedMergeKey(t *testing.T) {
	_, err := loadText(t, "version: 1\napps:\n  - <<: {<<: {id: a}, app_name: A}\n    android_package: cn.a\n")
	require.ErrorContains(t, err, "m.yaml:3:10: a mapping that is merged cannot have a merge key (<<) itself")
	assert.Len(t, err, 1)
}

func TestAliasBudget(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\napps:\n  - labels: &l {")
	for i := range 64 {
		b.WriteString(string(rune('a'+i%26)) + string(rune('a'+i/26)) + ": v, ")
	}
	b.WriteString("}\n")
	for range 5_000 {
		b.WriteString("  - labels: *l\n")
	}
	l := newLoader(write(t, t.TempDir(), "m.yaml", b.String()), Options{})
	l.budget = 400_000
	_, err := l.load()
	require.Error(t, err)
	assert.Equal(t, 1, strings.Count(err.Error(), "aliases and merge keys expand to more than 4000000 nodes"))
}

// What an app does not say it takes from the defaults; what it says as null it has not.
func TestDefaults(t *testing.T) {
	const defaults = "version: 1\ndefaults:\n  group_name: G\n  certificates:\n" +
		"    development: {file: dev.p12, password: {env: DEV}}\n    production: {file: pro.p12}\napps:\n"
	for name, test := range map[string]struct {
		app                            string
		group, development, production string
	}{
		"nothing":          {"", "G", "dev.p12", "pro.p12"},
		"own":              {"group_name: H, certificates: {production: {file: x.p12}}", "H", "dev.p12", "x.p12"},
		"one off":          {"certificates: {development: null}", "G", "", "pro.p12"},
		"one off, one own": {"certificates: {development: ~, production: {file: x.p12}}", "G", "", "x.p12"},
		"all off":          {"certificates: null, group_name: null", "", "", ""},
		"none of its own":  {"certificates: {}", "G", "dev.p12", "pro.p12"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := loadText(t, defaults+"  - {id: a, app_name: A, android_package: cn.a, "+test.app+"}\n")
			require.NoError(t, err)
			a := m.Apps[0]
			assert.Equal(t, test.group, a.GroupName)
			assert.Equal(t, test.development, a.Certificates[jpush.Development].File)
			assert.Equal(t, test.production, a.Certificates[jpush.Production].File)
			for env, c := range a.Certificates {
				assert.NotEmpty(t, c.File, env)
			}
			if test.production == "x.p12" {
				assert.Nil(t, a.Certificates[jpush.Production].Password, "a certificate is replaced as a whole")
			}
		})
	}
}

func TestPlaceholders(t *testing.T) {
	m, err := loadText(t, `version: 1
defaults:
  certificates:
    production: {file: "${id}/${app_name}-${android_package}${id}.p12", password: {env: "P_${id}"}}
    development: {file: "$id/$$.p12", password: {file: "pass/${id}"}}
apps:
  - {id: shop, app_name: 商城, android_package: cn.shop}
  - {id: b/c, app_name: B, android_package: cn.b, certificates: {production: {file: "${id}.p12"}}}
`)
	require.NoError(t, err)
	c := m.Apps[0].Certificates
	assert.Equal(t, "shop/商城-cn.shopshop.p12", c[jpush.Production].Path)
	assert.Equal(t, "P_shop", c[jpush.Production].Password.Env)
	assert.Equal(t, "$id/$$.p12", c[jpush.Development].Path, "only ${…} is a placeholder")
	assert.Equal(t, "pass/shop", c[jpush.Development].Password.Path)
	assert.Equal(t, "b/c.p12", m.Apps[1].Certificates[jpush.Production].Path)
	assert.Equal(t, "pass/b/c", m.Apps[1].Certificates[jpush.Development].Password.Path)

	_, err = loadText(t, `version: 1
defaults: {certificates: {production: {file: a.p12, password: {env: "P_${id}"}}}}
apps: [{id: a b, app_name: A, android_package: cn.a}]
`)
	require.Error(t, err)
	assert.Contains(t, err.Error(), `m.yaml:2:63: the env of the password is not the name of an environment variable`)
	assert.Contains(t, err.Error(), `with the placeholders filled in for app "a b"`)
}

func TestDefaultsOfTheManifest(t *testing.T) {
	m, err := loadText(t, "version: 1\naccount:\npolicy:\ndefaults:\napps: []\n")
	require.NoError(t, err)
	assert.Empty(t, m.Apps)
	assert.Equal(t, Account{DevKey: Secret{Env: "JPUSH_DEV_KEY"}, DevSecret: Secret{Env: "JPUSH_DEV_SECRET"}}, m.Account)
	assert.Equal(t, "720h0m0s", m.Policy.RenewBefore.String())
	assert.Equal(t, Adopt, m.Policy.OnExisting)
	assert.Equal(t, Limit{}, m.Policy.MaxDeletes)
}

func TestErrorsAreBounded(t *testing.T) {
	_, err := loadText(t, "version: 1\napps:\n"+strings.Repeat("  - {}\n", 2000))
	errs, ok := err.(Errors)
	require.True(t, ok)
	require.Len(t, errs, 1001, "the bound and the count of the others")
	assert.Equal(t, "and 3000 more errors", errs[1000].Error())
	assert.Equal(t, 3, errs[0].Pos.Line)
}
