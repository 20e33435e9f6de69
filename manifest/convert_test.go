package manifest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const convertible = `id,app_name,android_package,group_name,bundle_id,protect,labels.team,labels.地区,certificates.development.file,certificates.development.password_file,certificates.production.file,certificates.production.password_env
shop,商城,cn.example.shop,零售,cn.example.shop.ios,true,retail,北京,certs/dev.p12,certs/dev.pass,certs/${id}.p12,P_${id}
,yes,cn.example.yes,-,,false,"a: b # ""c"" \d",,,,-,
123,2024-01-01,cn.example.n,,,,null,,,,x y.p12,P
"- a","{b}",cn.example.d,,,,*x,,,,,
`

// What a CSV file is converted to loads as the CSV file does, under the same defaults.
func TestConvert(t *testing.T) {
	for _, place := range []string{"apps.csv", "data/apps.csv"} {
		t.Run(place, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			write(t, dir, place, convertible)
			list, n, err := Convert(place, ".", ConvertOptions{})
			require.NoError(t, err)
			assert.Equal(t, 4, n)
			write(t, dir, "csv.yaml", "version: 1\napps_from: {csv: "+place+"}\n"+defaultsOfBoth)
			write(t, dir, "yaml.yaml", "version: 1\n"+defaultsOfBoth+string(list))
			want, err := Load("csv.yaml", Options{})
			require.NoError(t, err)
			got, err := Load("yaml.yaml", Options{})
			require.NoError(t, err)
			assert.Equal(t, asResolved(placeless(want.Apps)), asResolved(placeless(got.Apps)))
			again, _, err := Convert(place, ".", ConvertOptions{})
			require.NoError(t, err)
			assert.Equal(t, string(list), string(again))
			if place == "apps.csv" {
				assert.Equal(t, placeless(want.Apps), placeless(got.Apps), "also as written")
			}
		})
	}
	dir := t.TempDir()
	write(t, dir, "apps.csv", convertible)
	list, _, err := Convert(filepath.Join(dir, "apps.csv"), dir, ConvertOptions{})
	require.NoError(t, err)
	golden := filepath.Join("testdata", "convert.yaml")
	if *update {
		require.NoError(t, os.WriteFile(golden, list, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(list))
}

// asResolved leaves out how a path is written.
func asResolved(apps []App) []App {
	for i := range apps {
		for env, c := range apps[i].Certificates {
			c.File = ""
			if c.Password != nil {
				c.Password.File = ""
			}
			apps[i].Certificates[env] = c
		}
	}
	return apps
}

func TestConvertErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.Mkdir("push", 0o755))
	write(t, dir, "apps.csv", "app_name,android_package,certificates.production.file\nA,cn.a,a.p12\nB,nodots,b.p12\n")
	_, _, err := Convert("apps.csv", "push", ConvertOptions{})
	requireErrors(t, err,
		"apps.csv:2:8: the certificate's file leaves the certificate root (column certificates.production.file)",
		`apps.csv:3:3: android_package "nodots" has one segment, a package needs two or more, as in cn.example.shop (column android_package)`,
		"apps.csv:3:10: the certificate's file leaves the certificate root (column certificates.production.file)",
	)
	_, _, err = Convert("none.csv", ".", ConvertOptions{})
	require.EqualError(t, err, `CSV file "none.csv" does not exist`)
	_, _, err = Convert("apps.csv", "none", ConvertOptions{})
	require.EqualError(t, err, `manifest "none" does not exist`)

	write(t, dir, "none.csv", "app_name,android_package\n")
	list, n, err := Convert("none.csv", ".", ConvertOptions{})
	require.NoError(t, err)
	assert.Equal(t, "apps: []\n", string(list))
	assert.Zero(t, n)
}

// Whatever a text is, its YAML is that text.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", "yes", "1", "1e3", "a b ", "- a", "a: b", "a #b", "\"\\", "\uFFFE", "\uFEFF", "\n\t\x00", "商城", "é\u0301", "=", "2024-01-01", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkText(s, maxNameRunes) != "" {
			return
		}
		var got struct{ K any }
		text := "k: " + quote(s) + "\n"
		require.NoError(t, yaml.Unmarshal([]byte(text), &got), text)
		require.Equal(t, s, got.K, text)
	})
}
