package manifest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

const fromCSV = "version: 1\napps_from: {csv: apps.csv}\n"

// Every broken CSV file comes with the whole of what is said about it.
func TestBrokenCSV(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "csv", "*.csv"))
	require.NoError(t, err)
	require.Greater(t, len(files), 10)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".csv")
		t.Run(name, func(t *testing.T) {
			golden, err := filepath.Abs(strings.TrimSuffix(file, ".csv") + ".txt")
			require.NoError(t, err)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			dir := t.TempDir()
			write(t, dir, "apps.csv", string(text))
			write(t, dir, "jpsync.yaml", fromCSV)
			t.Chdir(dir)
			m, err := Load("jpsync.yaml", Options{})
			require.IsType(t, Errors{}, err)
			assert.Nil(t, m)
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644))
			}
			want, readErr := os.ReadFile(golden)
			require.NoError(t, readErr)
			assert.Equal(t, string(want), err.Error()+"\n")
			for _, secret := range []string{"hunter2", "Tr0ub4dor"} {
				assert.NotContains(t, err.Error(), secret)
			}
		})
	}
}

const defaultsOfBoth = `defaults:
  group_name: Retail
  certificates:
    production: {file: "certs/${id}.p12", password: {env: P12}}
`

// A row is what the same entry is in YAML, apart from its place.
func TestCSVIsYAML(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "apps.csv", strings.Join([]string{
		"\uFEFFid,app_name,android_package,group_name,bundle_id,protect,labels.team,labels.地区,certificates.development.file,certificates.development.password_file,certificates.production.file,certificates.production.password_env",
		`shop,商城,cn.example.shop,,cn.example.shop.ios,TRUE,retail,北京,certs/dev.p12,certs/dev.pass,certs/${id}-x.p12,P_${id}`,
		`,News,cn.example.news,-,,,,,,,-,`,
		`,,,,,,,,,,,`,
		``,
		`pay,"支付, ""新""",cn.example.pay,支付,,false,pay,,-,,,`,
	}, "\r\n"))
	write(t, dir, "csv.yaml", fromCSV+defaultsOfBoth)
	write(t, dir, "yaml.yaml", "version: 1\n"+defaultsOfBoth+`apps:
  - id: shop
    app_name: 商城
    android_package: cn.example.shop
    bundle_id: cn.example.shop.ios
    protect: true
    labels: {team: retail, 地区: 北京}
    certificates:
      development: {file: certs/dev.p12, password: {file: certs/dev.pass}}
      production: {file: "certs/${id}-x.p12", password: {env: "P_${id}"}}
  - {app_name: News, android_package: cn.example.news, group_name: null, certificates: {production: null}}
  - {id: pay, app_name: "支付, \"新\"", android_package: cn.example.pay, group_name: 支付, protect: false, labels: {team: pay}, certificates: {development: null}}
`)
	got, err := Load("csv.yaml", Options{})
	require.NoError(t, err)
	want, err := Load("yaml.yaml", Options{})
	require.NoError(t, err)
	assert.Equal(t, Position{"apps.csv", 2, 1}, got.Apps[0].Pos)
	assert.Equal(t, Position{"apps.csv", 6, 1}, got.Apps[2].Pos, "the line is the file's, whatever was skipped")
	dev := got.Apps[0].Certificates[jpush.Development]
	assert.Equal(t, Position{"apps.csv", 2, 61}, dev.Pos, "the column counts characters")
	assert.Equal(t, Position{"apps.csv", 2, 75}, dev.Password.Pos)
	assert.Equal(t, placeless(want.Apps), placeless(got.Apps))
}

// placeless is a copy of apps without their positions.
func placeless(apps []App) []App {
	var list []App
	for _, a := range apps {
		a.Pos = Position{}
		a.Certificates = maps.Clone(a.Certificates)
		for env, c := range a.Certificates {
			c.Pos = Position{}
			if c.Password != nil {
				password := *c.Password
				password.Pos = Position{}
				c.Password = &password
			}
			a.Certificates[env] = c
		}
		list = append(list, a)
	}
	return list
}

// Files of apps may come from anywhere in a set; paths in them are relative to them, and
// what has to be unique is so in all of them together.
func TestCSVInASet(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "jpsync.yaml", "version: 1\ninclude: [teams/*.yaml]\napps_from: {csv: data/main.csv}\napps:\n"+entry("own"))
	write(t, dir, "data/main.csv", "id,app_name,android_package,certificates.production.file\nmain,Main,cn.example.main,main.p12\n")
	write(t, dir, "teams/a.yaml", "version: 1\napps_from: {csv: sub/a.csv}\napps:\n"+entry("a"))
	write(t, dir, "teams/sub/a.csv", "app_name,android_package,certificates.production.file\nA2,cn.example.a2,../../x.p12\n")
	m, err := Load("jpsync.yaml", Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"own", "main", "a", "A2"}, ids(m))
	assert.Equal(t, "data/main.p12", m.Apps[1].Certificates[jpush.Production].Path)
	assert.Equal(t, "x.p12", m.Apps[3].Certificates[jpush.Production].Path)
	assert.Equal(t, Position{filepath.FromSlash("teams/a.yaml"), 4, 5}, m.Apps[2].Pos)

	sum := sha256.New()
	for _, name := range []string{"jpsync.yaml", "data/main.csv", "teams/a.yaml", "teams/sub/a.csv"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(text), name)
	}
	assert.Equal(t, fmt.Sprintf("%x", sum.Sum(nil)), m.SHA256)

	write(t, dir, "teams/sub/a.csv", "id,app_name,android_package\nx,X,cn.example.own\nmain,Y,cn.example.y\n")
	_, err = Load("jpsync.yaml", Options{})
	requireErrors(t, err, systemPaths(
		`teams/sub/a.csv:2:5: duplicate android_package "cn.example.own", the first is at jpsync.yaml:5:5`,
		`teams/sub/a.csv:3:1: duplicate id "main", the first is at data/main.csv:2:1`,
	)...)
}

func TestCSVErrors(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "x.csv", "app_name,android_package\n")
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.Mkdir("dir.csv", 0o755))
	require.NoError(t, os.Symlink(filepath.Join(outside, "x.csv"), "link.csv"))
	makeFIFO(t, "fifo.csv")
	write(t, dir, "large.csv", strings.Repeat("x", 2000))
	write(t, dir, "apps.csv", "app_name,android_package\n")
	for value, want := range map[string]string{
		"{csv: link.csv}":                      `2:18: apps_from: CSV file "link.csv" is outside the manifest's directory, or a link leads out of it`,
		"{csv: dir.csv}":                       `2:18: apps_from: CSV file "dir.csv" is not a regular file but a directory`,
		"{csv: fifo.csv}":                      `2:18: apps_from: CSV file "fifo.csv" is not a regular file`,
		"{csv: none.csv}":                      `2:18: apps_from: CSV file "none.csv" does not exist`,
		"{csv: large.csv}":                     `2:18: apps_from: CSV file "large.csv" is too large: all files of the manifest may have 256 MiB together`,
		"{csv: ../x.csv}":                      `2:18: the csv of apps_from leaves the manifest's directory`,
		"{csv: /x.csv}":                        `2:18: the csv of apps_from is an absolute path, it must be relative to the file that names it`,
		"{csv: \"\"}":                          `2:18: the csv of apps_from is empty`,
		"{csv: \"a\\nb\"}":                     `2:18: the csv of apps_from contains an invisible character`,
		"{csv: 3}":                             `2:18: the csv of apps_from must be text, not a number: put it in quotes`,
		"{}":                                   `2:12: apps_from has no csv, it is {csv: PATH}`,
		"{cvs: apps.csv}":                      `2:13: unknown key "cvs" in apps_from, did you mean "csv"?`,
		"apps.csv":                             `2:12: apps_from must be a mapping, not text`,
		"{csv: apps.csv, encoding: gb1803}":    `2:38: encoding must be utf-8 or gb18030, which includes GBK and GB 2312`,
		"{csv: apps.csv, encoding: UTF-8}":     `2:38: encoding must be utf-8 or gb18030, which includes GBK and GB 2312`,
		"{csv: apps.csv, encoding: latin1}":    `2:38: encoding must be utf-8 or gb18030, which includes GBK and GB 2312`,
		"{csv: apps.csv, encoding: gbk}":       `2:38: encoding must be utf-8 or gb18030, which includes GBK and GB 2312`,
		"{csv: apps.csv, encoding: GB 2312}":   `2:38: encoding must be utf-8 or gb18030, which includes GBK and GB 2312`,
		"{csv: apps.csv, encoding: cp-936}":    `2:38: encoding must be utf-8 or gb18030, which includes GBK and GB 2312`,
		"{csv: apps.csv, encoding: [gb18030]}": `2:38: encoding must be text, not a list`,
	} {
		t.Run(value, func(t *testing.T) {
			write(t, dir, "m.yaml", "version: 1\napps_from: "+value+"\n")
			l := newLoader("m.yaml", Options{})
			l.left = 1000
			_, err := l.load()
			var errs Errors
			require.ErrorAs(t, err, &errs)
			assert.Equal(t, "m.yaml:"+want, errs[0].Error())
		})
	}
	write(t, dir, "a.yaml", fromCSV)
	write(t, dir, "m.yaml", "version: 1\napps_from: {csv: ./apps.csv}\ninclude: [a.yaml]\n")
	_, err := Load("m.yaml", Options{})
	requireErrors(t, err, "a.yaml:2:18: duplicate csv, the first is at m.yaml:2:18")
}

// A first line that is meant to name the columns is told what is wrong with it. What may be the
// cell of a row is not repeated.
func TestFirstLineOfCSV(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	const none = "the first line must name the columns, separated by commas, semicolons or tabs: id, app_name, "
	for text, want := range map[string][]string{
		"ID,App_Name,Android_Package\n": {
			`1:1: unknown column "ID", did you mean "id"?`,
			`1:4: unknown column "App_Name", did you mean "app_name"?`,
			`1:13: unknown column "Android_Package", did you mean "android_package"?`},
		"app_name,android_package,Labels.team,certificates.production.pasword_env\n": {
			`1:26: unknown column "Labels.team", did you mean "labels.team"?`,
			`1:38: unknown column "certificates.production.pasword_env", did you mean "certificates.production.password_env"?`},
		"id，app_name，android_package\n":             {"1:1: " + none},
		"ID | App_Name | Android_Package\n":         {"1:1: " + none},
		"应用列表,,\n\nid,app_name,android_package\n":   {"1:1: " + none},
		"shop,hunter2,cn.example.shop\n":            {"1:1: " + none},
		"app_name,android_package,hunter2\n":        {"1:26: unknown column, known are id, app_name, "},
		"sep=|\nid|app_name\n":                      {"1:1: sep= names no comma, semicolon or tab: separate cells by one of these"},
		"sep=\n":                                    {"1:1: sep= names no comma, semicolon or tab: separate cells by one of these"},
		"sep=;":                                     {"1:1: the file is empty, its first line must name the columns: id, "},
		"sep=;\nid;app_name;android_package\na;A\n": {"3:1: too few cells: the row has 2, the first line has 3"},
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

// rowsOf is a CSV file of n apps.
func rowsOf(n int) string {
	var b strings.Builder
	b.WriteString("id,app_name,android_package,group_name,labels.team,certificates.production.file,certificates.production.password_env\n")
	for i := range n {
		fmt.Fprintf(&b, "app-%[1]d,商城 %[1]d,cn.example.app%[1]d,Retail,retail,certs/app-%[1]d.p12,P12_PASSWORD\n", i)
	}
	return b.String()
}

// One mistake among 20,000 rows is one error, in its place.
func TestOneBadRow(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	text := strings.Replace(rowsOf(20_000), "cn.example.app12345,", "cn.example.app12345!,", 1)
	write(t, dir, "apps.csv", text)
	_, err := Load("m.yaml", Options{})
	requireErrors(t, err, `apps.csv:12347:20: android_package "cn.example.app12345!" has a character other than letters, digits, underscores and dots (column android_package)`)
}

func TestTooManyRows(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "apps.csv", rowsOf(30))
	l := newLoader(write(t, dir, "m.yaml", fromCSV), Options{})
	l.maxApps = 20
	_, err := l.load()
	requireErrors(t, err, filepath.Join(dir, "apps.csv")+":22:1: the manifest has more than 20 apps")
	assert.Len(t, l.manifest.Apps, 20)
}

func BenchmarkCSV(b *testing.B) {
	dir := b.TempDir()
	text := rowsOf(10_000)
	write(b, dir, "apps.csv", text)
	file := write(b, dir, "m.yaml", fromCSV)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(file, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Short cells become more nodes than they have bytes. That is no work of aliases, and is not
// taken for it.
func TestRowsCostNoAliases(t *testing.T) {
	dir := t.TempDir()
	text := "app_name,android_package,certificates.production.file,certificates.production.password_env,certificates.development.file,certificates.development.password_env\n"
	for i := range 500 {
		text += fmt.Sprintf("%d,a.b%d,a,P,a,P\n", i, i)
	}
	write(t, dir, "apps.csv", text)
	l := newLoader(write(t, dir, "m.yaml", fromCSV), Options{})
	l.budget = 0
	m, err := l.load()
	require.NoError(t, err)
	assert.Len(t, m.Apps, 500)
}

// What does not show around a cell or a name of a column is dropped, quotes or not. A row of
// nothing else is empty.
func TestBlanksAroundCells(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	for _, blank := range []string{
		" ", "  ", "\t", "\u00A0", "\u1680", "\u2003", "\u2009", "\u2028", "\u202F", "\u205F", "\u3000", // spaces
		"\u200B", "\u200C", "\u200D", "\u2060", "\uFEFF", "\u200E", "\u202A", "\u00AD", " \u3000\uFEFF", // invisible
	} {
		for _, comma := range []string{",", ";", "\t"} {
			if blank == comma {
				continue
			}
			for _, quote := range []string{"%s", `"%s"`} {
				cells := func(cells ...string) string {
					for i, cell := range cells {
						cells[i] = blank + fmt.Sprintf(quote, blank+cell+blank) + blank
					}
					return strings.Join(cells, comma) + "\r\n"
				}
				write(t, dir, "apps.csv", cells("id", "app_name", "android_package", "protect", "labels.team", "certificates.production.file", "certificates.production.password_env", "certificates.development.file")+
					cells("shop", "商城 1", "cn.example.shop", "TRUE", "retail", "certs/shop.p12", "P12_PASSWORD", "-")+
					cells("", "", "", "", "", "", "", ""))
				m, err := Load("m.yaml", Options{})
				require.NoError(t, err, "%q %q", blank, comma)
				require.Len(t, m.Apps, 1)
				a := m.Apps[0]
				assert.Equal(t, []string{"shop", "商城 1", "cn.example.shop", "retail"}, []string{a.ID, a.AppName, a.AndroidPackage, a.Labels["team"]})
				assert.True(t, *a.Protect)
				assert.Len(t, a.Certificates, 1)
				c := a.Certificates[jpush.Production]
				assert.Equal(t, []string{"certs/shop.p12", "P12_PASSWORD"}, []string{c.File, c.Password.Env})
			}
		}
	}
}

// Blanks and quotes of all sorts leave the other cells as they are, and each where it stands.
func TestBlanksAroundQuotes(t *testing.T) {
	for text, want := range map[string]string{
		`a, "b" ,c`:              `a," b ",c`,
		`"a" , "b, ""c"" " `:     `"a "," b, ""c""  "`,
		" \"a\n, \"\"\" \n\"b\"": "\" a\n, \"\" \"\n\"b\"",
		`"" ,""`:                 `" ",""`,
		`"a" b," c`:              `"a" b," c`, // errors stay what they are
		`a "b" ,c`:               `a "b" ,c`,
		`"a`:                     `"a`,
	} {
		got := quoteBlanks(text, ',')
		assert.Equal(t, want, got)
		assert.Len(t, got, len(text))
	}
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	write(t, dir, "apps.csv", "app_name, \"android_package\" ,protect\n \"A \"\"1\"\", 2\" ,\tcn.a, yes\n")
	_, err := Load("m.yaml", Options{})
	requireErrors(t, err, "apps.csv:2:22: protect must be true or false (column protect)")
}

// What is invisible inside of a cell is refused as in YAML, and in the name of a column it makes
// another name.
func TestInvisibleInsideOfCells(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	for text, want := range map[string]string{
		"app_name,android_package\nA\u200BB,cn.a\n":   "apps.csv:2:1: app_name contains the invisible character U+200B (column app_name)",
		"app_name,android_package\nA\uFEFFB,cn.a\n":   "apps.csv:2:1: app_name contains the invisible character U+FEFF (column app_name)",
		"app_name,android_package\n\x07A,cn.a\n":      "apps.csv:2:1: app_name contains the control character U+0007 (column app_name)",
		"app_name,android_package\nA,cn.\u00A0a\n":    `apps.csv:2:3: android_package "cn.\u00a0a" has a character other than letters, digits, underscores and dots (column android_package)`,
		"app\u200B_name,android_package\nA,cn.a\n":    `apps.csv:1:1: unknown column "app\u200b_name", did you mean "app_name"?`,
		"app_name,app_name ,android_package\nA,B,c.a": `apps.csv:1:10: duplicate column "app_name", the first is at apps.csv:1:1`,
	} {
		write(t, dir, "apps.csv", text)
		_, err := Load("m.yaml", Options{})
		requireErrors(t, err, want)
	}
}

// Excel writes the columns and rows of a sheet in which something was once, or was formatted.
func TestEmptyColumns(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	many := strings.Repeat(",", 300)
	for _, text := range []string{
		"app_name,android_package,,\nShop,cn.example.shop,,\n,,,\n",
		"app_name,android_package,,\nShop,cn.example.shop\n",
		",app_name,, ,android_package\n,Shop,,,cn.example.shop\n",
		"app_name,android_package\nShop,cn.example.shop,,,\n,,,,\n",
		"app_name,android_package" + many + "\nShop,cn.example.shop" + many + "\n" + many + "\n",
	} {
		write(t, dir, "apps.csv", text)
		m, err := Load("m.yaml", Options{})
		require.NoError(t, err, text)
		assert.Equal(t, []string{"Shop"}, ids(m))
	}
	write(t, dir, "apps.csv", "app_name,android_package"+many+"\nShop,cn.example.shop"+many+"x\n")
	_, err := Load("m.yaml", Options{})
	requireErrors(t, err, "apps.csv:2:321: unexpected cell: name its column in the first line, or put a cell with a comma in it in quotes")
}
