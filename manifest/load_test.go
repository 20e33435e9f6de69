package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

const complete = `version: 1
account:
  dev_key:    {env: KEY}
  dev_secret: {file: keys/secret}
policy:
  max_deletes: 10%
  on_existing: fail
  renew_before: 2w
defaults:
  group_name: Retail
  certificates:
    production:
      file: certs/${id}.p12
      password: {env: "P12_${id}"}
apps:
  - id: shop
    app_name: 商城
    android_package: cn.example.shop
    bundle_id: cn.example.shop.ios
    labels: {team: retail}
    protect: true
    certificates:
      development: {file: certs/dev.p12, password: {file: certs/dev.pass}}
  - app_name: news
    android_package: cn.example.news
    group_name: null
    certificates: null
`

// write puts a file of a test's manifest in place and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestLoadComplete(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "jpsync.yaml", complete)
	m, err := Load(file, Options{})
	require.NoError(t, err)

	at := func(line, column int) Position { return Position{file, line, column} }
	truth := true
	assert.Equal(t, &Manifest{
		Path:     file,
		Files:    []string{file},
		SHA256:   m.SHA256,
		CertRoot: dir,
		Account: Account{
			DevKey:    Secret{Env: "KEY", Pos: at(3, 15)},
			DevSecret: Secret{File: "keys/secret", Path: "keys/secret", Pos: at(4, 15)},
		},
		Policy: Policy{MaxDeletes: Limit{10, true}, OnExisting: Fail, RenewBefore: 14 * 24 * time.Hour},
		Apps: []App{{
			ID: "shop", AppName: "商城", AndroidPackage: "cn.example.shop", GroupName: "Retail",
			BundleID: "cn.example.shop.ios", Labels: map[string]string{"team": "retail"}, Protect: &truth,
			Certificates: map[jpush.Environment]Certificate{
				jpush.Development: {
					File: "certs/dev.p12", Path: "certs/dev.p12", Pos: at(23, 27),
					Password: &Secret{File: "certs/dev.pass", Path: "certs/dev.pass", Pos: at(23, 52)},
				},
				jpush.Production: {
					File: "certs/shop.p12", Path: "certs/shop.p12", Pos: at(13, 13),
					Password: &Secret{Env: "P12_shop", Pos: at(14, 17)},
				},
			},
			Pos: at(16, 5),
		}, {
			ID: "news", AppName: "news", AndroidPackage: "cn.example.news", Pos: at(24, 5),
		}},
	}, m)
}

// What git and editors change in a checkout is not a change of the manifest. Anything else is.
func TestSHA256IsOfTheText(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	files := map[string]string{
		"m.yaml":       "version: 1\ninclude: [teams/a.yaml]\napps_from: {csv: apps.csv}\napps:\n" + entry("own"),
		"teams/a.yaml": "version: 1\napps:\n" + entry("a"),
		"apps.csv":     "app_name,android_package\n\"B\",cn.example.b\n",
	}
	sum := func(name, text string) string {
		for name, text := range files {
			write(t, dir, name, text)
		}
		write(t, dir, name, text)
		m, err := Load("m.yaml", Options{})
		require.NoError(t, err)
		return m.SHA256
	}
	want := sum("m.yaml", files["m.yaml"])
	for name, text := range files {
		crlf := strings.ReplaceAll(text, "\n", "\r\n")
		assert.Equal(t, want, sum(name, crlf), name)
		assert.Equal(t, want, sum(name, byteOrderMark+text), name)
		assert.Equal(t, want, sum(name, byteOrderMark+crlf), name)
		assert.NotEqual(t, want, sum(name, text+"\n"), name)
		assert.NotEqual(t, want, sum(name, strings.Replace(text, "example", "exemple", 1)+" "), name)
	}
	_, err := LoadState("m.yaml")
	require.NoError(t, err)
}
