package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What somebody has written instead of a column's name leads to it.
func TestSuggestColumn(t *testing.T) {
	for name, want := range map[string]string{
		"ID": "id", "App_Name": "app_name", "app name": "app_name", "name": "app_name", "应用名称": "app_name",
		"Android_Package": "android_package", "package": "android_package", "package name": "android_package",
		"group": "group_name", "label.team": "labels.team", "Labels.Team": "labels.Team", "label.地区": "labels.地区",
		"certificates.production.env":             "certificates.production.password_env",
		"certificates.development.env":            "certificates.development.password_env",
		"certificates.production.password.env":    "certificates.production.password_env",
		"certificates.development.password-file":  "certificates.development.password_file",
		"certificates.production.pasword_env":     "certificates.production.password_env",
		"certificate.production.file":             "certificates.production.file",
		"certificates.development":                "certificates.development.file",
		"prod.file":                               "certificates.production.file",
		"Certificates_Production_Password_File":   "certificates.production.password_file",
		"certificates.production.password":        "",
		"certificates.development.password.value": "",
		"password": "", "production": "", "team": "", "": "", "label.": "", "label.a\x1bb": "", "label." + strings.Repeat("x", 1000): "", strings.Repeat("a.", 100_000): "",
	} {
		assert.Equal(t, want, suggestColumn(name), "%.60s", name)
	}
}

// A first line that is meant to name the columns is told what is wrong with it.
func TestFirstLineOfCSV(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	const all = "the first line must name the columns: id, app_name, "
	for text, want := range map[string][]string{
		"ID,App_Name,Android_Package\n": {
			`1:1: unknown column "ID", did you mean "id"?`,
			`1:4: unknown column "App_Name", did you mean "app_name"?`,
			`1:13: unknown column "Android_Package", did you mean "android_package"?`},
		"名称,包名,x,y\n": {
			`1:1: unknown column, did you mean "app_name"?`,
			`1:4: unknown column, did you mean "android_package"?`,
			`1:7: unknown column, known are id, app_name, `, // x and y may be anything
			`1:9: unknown column`},
		"id，app_name，android_package\n":             {`1:1: the columns are separated by "，": separate cells by commas, semicolons or tabs`},
		"ID | App_Name | Android_Package\n":         {`1:1: the columns are separated by "|": `},
		"id,app_name，android_package\n":             {`1:4: the columns are separated by "，": `},
		"labels.a,labels.b|app_name\n":              {`1:10: the columns are separated by "|": `},
		"应用列表,,\n\nid,app_name,android_package\n":   {"1:1: the first line must name the columns, which line 3 does: delete what stands above it"},
		"应用列表, 2026\nid;app_name;android_package\n": {"1:1: the first line must name the columns, which line 2 does: delete what stands above it"},
		"shop,hunter2,cn.example.shop\n":            {"1:1: " + all},
		"id_,project,prod\n":                        {"1:1: " + all},
		"sep=|\nid|app_name\n":                      {"1:1: sep= names no comma, semicolon or tab: separate cells by one of these"},
		"sep=\n":                                    {"1:1: sep= names no comma, semicolon or tab: separate cells by one of these"},
		"sep=;":                                     {"1:1: the file is empty, its first line must name the columns: id, "},
		"sep=;\nid;app_name;android_package\na;A\n": {"3:1: the row has 2 cells, the first line has 3"},
	} {
		write(t, dir, "apps.csv", text)
		_, err := Load("m.yaml", Options{})
		var errs Errors
		require.ErrorAs(t, err, &errs, text)
		require.Len(t, errs, len(want), "%q: %v", text, err)
		for i := range want {
			assert.True(t, strings.HasPrefix(errs[i].Error(), "apps.csv:"+want[i]), "%q: %s", text, errs[i].Error())
		}
	}
}

// Excel's own line about the separator stands above the names.
func TestSepLine(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	for _, text := range []string{
		"sep=;\r\napp_name;android_package\r\nShop, new;cn.example.shop\r\n",
		"\uFEFFSEP=\t\napp_name\tandroid_package\nShop, new\tcn.example.shop\n",
		"sep=,\napp_name,android_package,labels.a|b,labels.地区，城市\n\"Shop, new\",cn.example.shop,,\n",
	} {
		write(t, dir, "apps.csv", text)
		m, err := Load("m.yaml", Options{})
		require.NoError(t, err, text)
		assert.Equal(t, []string{"Shop, new"}, ids(m))
		assert.Equal(t, Position{"apps.csv", 3, 1}, m.Apps[0].Pos)
	}
}
