package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// killers are texts that hurt YAML readers.
func killers() map[string]string {
	bomb := "version: 1\napps:\n  - &a0 {id: x, app_name: x}\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("  - &a%d {<<: [%s]}\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	laughs := "version: 1\nx0: &x0 [lol]\n"
	for i := 1; i < 12; i++ {
		laughs += fmt.Sprintf("x%d: &x%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i-1), 10), ", "))
	}
	return map[string]string{
		"merge panic":    "apps: [{<<: {app_name: y}, [1,2]: c}]\n",
		"merge bomb":     bomb,
		"alias bomb":     laughs + "apps: *x11\n",
		"labels bomb":    "version: 1\napps:\n  - &l {id: a, app_name: A, android_package: cn.a, labels: {" + strings.Repeat("a: b, ", 60) + "}}\n" + strings.Repeat("  - *l\n", 1000),
		"flow depth":     strings.Repeat("[", 100_000),
		"map depth":      strings.Repeat("{a: ", 100_000),
		"block depth":    strings.Repeat("- ", 100_000),
		"key depth":      strings.Repeat("? ", 100_000),
		"apps depth":     "version: 1\napps: " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
		"self alias":     "version: 1\napps: &a [*a]\n",
		"self merge":     "version: 1\napps: [&a {<<: [*a, *a, *a, *a, *a, *a, *a, *a]}]\n",
		"duplicate keys": strings.Repeat("apps: []\n", 10_000),
		"odd keys":       "? [a]\n: b\n? {c: d}\n: e\n1: f\n~: g\ntrue: h\n",
		"huge int":       "version: " + strings.Repeat("9", 10_000) + "\n",
		"binary":         "version: !!binary AQ==\napps: !!binary |\n  AAAA\n",
		"python":         "version: 1\napps: !!python/object/apply:os.system [ls]\n",
		"timestamp":      "version: 2001-12-14t21:59:43.10-05:00\napps: []\n",
		"null":           "~",
		"anchors":        strings.Repeat("&a ", 1000),
		"comments":       strings.Repeat("#\n", 50_000) + "version: 1\napps: []\n",
		"zero":           "\x00\x00",
		"directive":      "%TAG ! tag:x,2000:\n---\nversion: 1\n",
		"lines":          "version: 1\rapps: []\r",
	}
}

// None of them is a panic, a hang or a manifest.
func TestKillers(t *testing.T) {
	for name, text := range killers() {
		t.Run(name, func(t *testing.T) {
			m, err := Load(write(t, t.TempDir(), "m.yaml", text), Options{})
			if name == "comments" || name == "lines" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Nil(t, m)
			for _, e := range err.(Errors) {
				if !strings.HasPrefix(e.Message, "and ") {
					assert.Positive(t, e.Pos.Line, e.Message)
				}
			}
		})
	}
}

// FuzzLoad holds every text to a manifest or to errors with positions, and reading in pieces
// to the same result as reading the whole.
func FuzzLoad(f *testing.F) {
	for _, text := range killers() {
		if len(text) < 30_000 {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte(complete))
	f.Add([]byte("version: 1\napps:\n- id: \"a\n- b\"\n- c: |\n   - x\n- [d,\n- e]\ndefaults: {}\n"))
	f.Add([]byte("defaults: &d {}\napps: # all\n  - &a {id: a}\n\n  # b\n  - *a\n  -\nversion: 1\n"))
	broken, _ := filepath.Glob(filepath.Join("testdata", "broken", "*.yaml"))
	for _, file := range broken {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(dir, "m.yaml")
		require.NoError(t, os.WriteFile(file, text, 0o600))
		m, err := loadPieces(file, pieceBytes)
		if (m == nil) == (err == nil) {
			t.Fatalf("manifest %v and error %v", m, err)
		}
		if errs, ok := err.(Errors); ok {
			require.NotEmpty(t, errs)
			for _, e := range errs {
				if e.Pos.Line < 1 || e.Pos.Column < 1 || e.Pos.File != file {
					require.Regexp(t, "^and [0-9]+ more errors$", e.Message)
				}
			}
		}
		samePieces(t, file, m, err)
	})
}

// loadPieces is Load with pieces of another length.
func loadPieces(file string, size int) (*Manifest, error) {
	l := newLoader(file, Options{})
	l.pieceBytes = size
	return l.load()
}

func samePieces(t *testing.T, file string, m *Manifest, err error) {
	t.Helper()
	for _, size := range []int{0, 1, 100} {
		cut, cutErr := loadPieces(file, size)
		require.Equal(t, m, cut)
		require.Equal(t, err, cutErr)
	}
}
