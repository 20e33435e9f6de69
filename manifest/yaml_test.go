package manifest

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// many is a manifest of n apps the way people and programs write them.
func many(n int) []byte {
	var b bytes.Buffer
	b.WriteString("version: 1\napps:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - id: app-%[1]d\n    app_name: 商城 %[1]d\n    android_package: cn.example.app%[1]d\n    group_name: Retail\n"+
			"    certificates:\n      production: {file: certs/app-%[1]d.p12, password: {env: P12_PASSWORD}}\n", i)
	}
	return b.Bytes()
}

// Whatever a list looks like, in pieces it reads as it does as a whole, errors and positions
// included.
func TestPieces(t *testing.T) {
	app := "- {id: a%d, app_name: A, android_package: cn.a%d}\n"
	list := func(indent string) (text string) {
		for i := range 5 {
			text += indent + fmt.Sprintf(app, i, i)
		}
		return text
	}
	for name, test := range map[string]struct {
		text string
		cut  bool // what it is about: that it can be read in pieces
	}{
		"indented":            {"version: 1\napps:\n" + list("  "), true},
		"not indented":        {"version: 1\napps:\n" + list(""), true},
		"with a tail":         {"version: 1\napps:\n" + list("  ") + "defaults: {group_name: G}\n", true},
		"with a wrong tail":   {"version: 1\napps:\n" + list("  ") + "defaults: {group_name: 3, x: y}\n", true},
		"not indented, tail":  {"apps:\n" + list("") + "version: 1\npolicy: {max: 1}\n", true},
		"comments":            {"# a\nversion: 1\n\napps: # b\n\n# c\n" + list("  ") + "  # d\n# e\n", true},
		"CRLF":                {strings.ReplaceAll("version: 1\napps:\n"+list("  ")+"x: y\n", "\n", "\r\n"), true},
		"list first":          {"apps:\n" + list("  ") + "version: 1\n", true},
		"byte order mark":     {"\uFEFFversion: 1\napps:\n" + list("  "), true},
		"no end of line":      {"version: 1\napps:\n" + strings.TrimSuffix(list("  "), "\n"), true},
		"wrong entries":       {"version: 1\napps:\n  - 1\n  -\n  - {x: y}\n  - [a]\n  -  \n  - {id: 3}\n", true},
		"duplicates":          {"version: 1\napps:\n" + list("  ") + list("  "), true},
		"block scalar":        {"version: 1\napps:\n  - id: |-\n      a\n     \n      - b\n    app_name: A\n    android_package: cn.a\n" + list("  "), true},
		"lists in entries":    {"version: 1\napps:\n  - id: a\n    - b\n" + list("  "), false},
		"nested lists":        {"version: 1\napps:\n  - - a\n    - b\n" + list("  "), true},
		"alias in an entry":   {"version: 1\napps:\n  - {id: &x x, app_name: *x, android_package: cn.x}\n" + list("  "), true},
		"alias to another":    {"version: 1\napps:\n  - &x {id: x, app_name: X, android_package: cn.x}\n  - {<<: *x, id: y}\n", false},
		"alias to the head":   {"version: 1\ndefaults: {group_name: &g G}\napps:\n  - {id: x, app_name: *g, android_package: cn.x}\n", false},
		"alias in the tail":   {"version: 1\napps:\n  - &x {id: x, app_name: X, android_package: cn.x}\ndefaults: {group_name: *x}\n", false},
		"quoted lines":        {"version: 1\napps:\n  - id: \"a\n  - b\"\n    app_name: A\n    android_package: cn.a\n" + list("  "), false},
		"bracketed lines":     {"version: 1\napps:\n  - {id: a, labels: {a: [\n  - b ]}}\n" + list("  "), false},
		"quote in the head":   {"version: 1\nx: \"\napps:\n" + list("  ") + "\"\n", false},
		"bracket in the head": {"{version: 1,\napps:\n" + list("  ") + "}\n", false},
		"scalar in the head":  {"version: |\n apps:\n" + list("  "), false},
		"apps twice":          {"version: 1\napps:\n" + list("  ") + "apps: []\n", true},
		"apps before":         {"version: 1\n\"apps\": []\napps:\n" + list("  "), false},
		"apps without value":  {"version: 1\n? apps\napps:\n" + list("  "), false},
		"no comment":          {"version: 1\napps:#\n" + list("  "), false},
		"merged":              {"version: 1\n<<: {}\napps:\n" + list("  "), false},
		"version 2":           {"version: 2\napps:\n" + list("  "), false},
		"second document":     {"version: 1\napps:\n" + list("  ") + "---\na: b\n", false},
		"tagged":              {"version: 1\napps: !!seq\n" + list("  "), false},
		"anchored":            {"version: 1\napps: &a\n" + list("  "), false},
		"other breaks":        {"version: 1\napps:\n" + list("  ") + "  - {id: \"a\u2028b\"}\n", false},
		"broken entry":        {"version: 1\napps:\n" + list("  ") + "  - {id: a\n" + list("  "), false},
		"broken tail":         {"version: 1\napps:\n" + list("  ") + "defaults: {\n", false},
		"back to the margin":  {"version: 1\napps:\n" + list("  ") + list(""), false},
		"less indented":       {"version: 1\napps:\n" + list("  ") + list(" "), false},
		"more indented":       {"version: 1\napps:\n" + list("  ") + list("   "), false},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, t.TempDir(), "m.yaml", test.text)
			m, err := loadPieces(file, len(test.text)+1)
			samePieces(t, file, m, err)

			root, pieces := splitApps(plainText([]byte(test.text)), 0)
			good := root != nil
			for i := 0; good && i < len(pieces); i++ {
				good = pieces[i].decode().err == nil
			}
			assert.Equal(t, test.cut, good)
		})
	}
}

func TestManyAppsInOneFile(t *testing.T) {
	const n = 5000
	text := many(n)
	file := write(t, t.TempDir(), "m.yaml", string(text))
	m, err := Load(file, Options{})
	require.NoError(t, err)
	require.Len(t, m.Apps, n)
	for i, a := range m.Apps {
		require.Equal(t, 3+6*i, a.Pos.Line)
	}
	whole, err := loadPieces(file, len(text)+1)
	require.NoError(t, err)
	require.Equal(t, whole, m)

	// A slip far down is found where it is.
	broken := bytes.Replace(text, []byte("id: app-4321\n    app_name"), []byte("id: app-4321\n   app_name"), 1)
	_, err = Load(write(t, t.TempDir(), "m.yaml", string(broken)), Options{})
	errs, ok := err.(Errors)
	require.True(t, ok)
	require.Len(t, errs, 1)
	assert.Equal(t, 3+6*4321+1, errs[0].Pos.Line)
	assert.Equal(t, 4, errs[0].Pos.Column)
}

// Entries of three bytes each would take fifty times their size as apps.
func TestTooManyApps(t *testing.T) {
	l := newLoader(write(t, t.TempDir(), "m.yaml", "version: 1\napps:\n"+strings.Repeat("- {}\n", 30)), Options{})
	l.maxApps = 20
	_, err := l.load()
	errs, ok := err.(Errors)
	require.True(t, ok)
	assert.Equal(t, Error{Pos: Position{errs[0].Pos.File, 23, 3}, Message: "the manifest has more than 20 apps"}, errs[len(errs)-1])
	assert.Len(t, l.manifest.Apps, 20)
}

// A text of two bytes for each node would take a hundred times its size.
func TestDenseTextsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"flow":       "version: 1\napps: [" + strings.Repeat("a,", 4<<20) + "]\n",
		"one entry":  "version: 1\napps:\n  - [" + strings.Repeat("a,", 4<<20) + "]\n",
		"one text":   "version: 1\napps:\n  - " + strings.Repeat("a", wholeBytes) + "\n",
		"the others": "version: 1\napps:\n  - a\nx: [" + strings.Repeat("a,", 4<<20) + "]\n",
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, t.TempDir(), "m.yaml", text)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Load(file, Options{})
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			assert.Contains(t, err.Error(), "too large to be read as a whole")
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2*len(text)+32<<20))
		})
	}
}

// panicker stands for whatever makes the YAML package panic.
type panicker struct{ what string }

func (p panicker) Read([]byte) (int, error) { panic(p.what) }

func TestPanicIsAnError(t *testing.T) {
	docs, err := decode(panicker{"near `hunter2`"})
	assert.Nil(t, docs)
	assert.Equal(t, errPanic, err)
	line, column, message := explain(err, []byte("version: 1\n"))
	assert.Equal(t, [2]int{1, 1}, [2]int{line, column})
	assert.Equal(t, "the YAML in this file cannot be read", message)
}

// target is what a program without positions or checks would decode into.
type target struct {
	Version int `yaml:"version"`
	Apps    []struct {
		ID             string `yaml:"id"`
		AppName        string `yaml:"app_name"`
		AndroidPackage string `yaml:"android_package"`
		GroupName      string `yaml:"group_name"`
		Certificates   map[string]struct {
			File     string            `yaml:"file"`
			Password map[string]string `yaml:"password"`
		} `yaml:"certificates"`
	} `yaml:"apps"`
}

// Load ought to cost about what the YAML package alone takes for the same text.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		text := many(n)
		file := write(b, b.TempDir(), "m.yaml", string(text))
		b.Run(fmt.Sprintf("apps=%d/load", n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(file, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("apps=%d/yaml", n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var v target
				if err := yaml.Unmarshal(text, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
