package manifest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// simpleEntries copies what simple reads of a text.
func simpleEntries(text string) (entries []*yaml.Node, done bool) {
	if !simpleText(text) {
		return nil, false
	}
	s := newSimple(text)
	for {
		entry, end := s.next()
		if entry == nil {
			return entries, end
		}
		entries = append(entries, copyNode(entry))
	}
}

func copyNode(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content, c.HeadComment, c.LineComment, c.FootComment = nil, "", "", ""
	for _, child := range n.Content {
		c.Content = append(c.Content, copyNode(child))
	}
	return &c
}

// requireSame compares the entries that simple reads with those of the YAML package, if that
// can read the text.
func requireSame(t *testing.T, text string) (read int, done bool) {
	t.Helper()
	got, done := simpleEntries(text)
	docs, err := decode([]byte(text))
	if err != nil {
		require.False(t, done, "%q is no YAML: %v", text, err)
		return len(got), done
	}
	if len(got) == 0 {
		return 0, done
	}
	require.NotEmpty(t, docs)
	want := docs[0].Content[0]
	require.Equal(t, yaml.SequenceNode, want.Kind, "%q", text)
	require.GreaterOrEqual(t, len(want.Content), len(got), "%q", text)
	for i, n := range got {
		require.Equal(t, copyNode(want.Content[i]), n, "%q", text)
	}
	if done {
		require.Len(t, docs, 1, "%q", text)
		require.Len(t, want.Content, len(got), "%q", text)
	}
	return len(got), done
}

// What simple takes is what people write; what it leaves is read by the YAML package, and
// both agree on what both read.
func TestSimple(t *testing.T) {
	for text, want := range map[string]int{
		"- {a: b}\n": 1,
		"- {a: b, c: 商 城 , d: 'x', e: \"y\"}":                                               1,
		"- {}\n\n-  { a: {b: {}} } \n":                                                      2,
		"- a: b\n  c: d  \n\n  e:\n    f: g\n    h:\n     i: {j: k}\n  l: m\n- n: o\n":      2,
		"  - a: true\n    b: NULL\n    c: 360手机\n    d: 12 apps\n    e: ./x\n    f: ../x\n": 1,
		"- a: http://b\n- c: x - y, z [w] {v}\n- d: certs/${id}.p12":                        3,
		"-   a: b\n    c: d\n":                                                              1,
		"- a: _x\n- b: $y\n":                                                                2,
	} {
		read, done := requireSame(t, text)
		assert.True(t, done, text)
		assert.Equal(t, want, read, text)
	}
	for text, want := range map[string]int{
		"- a: 1\n":                    0,
		"- a: 2001-01-01\n":           0,
		"- a: 0x1F\n":                 0,
		"- a: ~\n":                    0,
		"- a: .5\n":                   0,
		"- a: <<\n":                   0,
		"- <<: {a: b}\n":              0,
		"- true: b\n":                 0,
		"- a: b\n   c\n":              0,
		"- a: b\n    c: d\n":          0,
		"- a: b\n c: d\n":             0,
		"- a:\n- b: c\n":              0,
		"- a:\n  b: c\n":              0,
		"- a: b\n- c: *d\n":           1,
		"- a: b\n- c: d: e\n":         1,
		"- a: b\n- {c: d:}\n":         1,
		"- a: b\n- {c: d,}\n":         1,
		"- a: b\n- {c: ${d}}\n":       1,
		"- a: b\n- {c: 'it''s'}\n":    1,
		"- a: b\n- {c: \"\\n\"}\n":    1,
		"- a: b\n- {c: \"x\n  y\"}\n": 1,
		"- a: b\n- {c: d}: e\n":       1,
		"- a: b\n- {c: d\n  }\n":      1,
		"- a: b\n- \"c\": d\n":        1,
		"- a: b\n- - c: d\n":          1,
		"- a: b\n-\n  c: d\n":         0,
		"- a: b\n- c: |\n    d\n":     1,
		"- a: b\n- c: !!str d\n":      1,
		"- a: b\nc: d\n":              0,
		"- a: b\n---\n- c: d\n":       0,
		"- a: b\n- {a: {a: {a: {a: {a: {a: {a: {a: {a: b}}}}}}}}}\n": 1,
	} {
		read, done := requireSame(t, text)
		assert.False(t, done, text)
		assert.Equal(t, want, read, text)
	}
}

func FuzzSimple(f *testing.F) {
	for _, text := range killers() {
		if len(text) < 3_000 {
			f.Add(text)
		}
	}
	broken, _ := filepath.Glob(filepath.Join("testdata", "broken", "*.yaml"))
	for _, file := range broken {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Add("- {a: b, c: 商 城 , d: 'x', e: \"y\", f: {}}\n- a: b\n  c:\n    d: e\n\n  f: 12 x\n- a: b:c\n")
	f.Add("  - id: app-1\n    app_name: 商城 1\n    labels: {team: retail}\n    certificates:\n      production: {file: \"certs/${id}.p12\", password: {env: P12}}\n")
	f.Fuzz(func(t *testing.T, text string) { requireSame(t, text) })
}

// Entries of both kinds in one piece are each read once, in order.
func TestSimpleAndOthers(t *testing.T) {
	text := "version: 1\napps:\n"
	for i := range 20 {
		text += fmt.Sprintf("  - {id: a%d, app_name: A, android_package: cn.a%d}", i, i)
		if i%7 == 3 {
			text += " # a comment"
		}
		if i%5 == 2 {
			text += fmt.Sprintf("\n  - {id: 'it''s %d', app_name: A, android_package: cn.b%d}", i, i)
		}
		text += "\n"
	}
	file := write(t, t.TempDir(), "m.yaml", text)
	m, err := loadPieces(file, len(text)+1)
	require.NoError(t, err)
	require.Len(t, m.Apps, 24)
	samePieces(t, file, m, nil)
}

// Texts that simple reads, with a few of the things that YAML is made of put in anywhere.
func TestSimpleOnRandomTexts(t *testing.T) {
	bases := []string{
		"- {a: b, c: 商城, d: {e: 'f', g: \"h\"}}\n- {a: 12 x}\n",
		"  - a: b\n    c: d/${e}.p12\n    f:\n      g: h\n      i: {j: k, l: {m: n}}\n    o: p\n  - a: b\n",
		"- a: b # c\n  # d\n  e:\n    f: g#h\n# i\n- {j: k} # l\n",
		"- a: \"b\"\n  c: 'd'\n\n- a: ./b c\n  d:\n    e:\n      f: g\n- {}\n",
	}
	tokens := []string{
		"- ", "- a: b\n", "\n", "\n  ", "\n    ", "\n      ", " ", "  ", "a: ", "c:", "k: v", "{", "}", "{a: b}", "}\n", ", ", ",",
		"x", "商", "12", "1e3", "2001-01-01", "0x", "true", "null", "~", ".", "./", "-", ":", ": ", "'", "\"", "'q'", "\"q\"", "\\", "$", "_", "/",
		"&a ", "*a", "!t ", "|", ">", "?", "? ", "%", "@", "<<", "<<: ", "[", "]", "---", "\n---\n", "\n...\n", "=", "(", "`", "", "\t", "\x01", "\r", "\u0085", "\uFEFF", "\u2028", "#", " # c", " #c\n", "\n# c\n", "\n  # c\n",
	}
	const texts = 20_000
	random := rand.New(rand.NewPCG(1, 2))
	read, whole := 0, 0
	for range texts {
		text := bases[random.IntN(len(bases))]
		for range 1 + random.IntN(3) {
			from := random.IntN(len(text) + 1)
			to := min(len(text), from+random.IntN(4)) // what is dropped
			text = text[:from] + tokens[random.IntN(len(tokens))] + text[to:]
		}
		n, done := requireSame(t, text)
		read += n
		if done {
			whole++
		}
	}
	t.Logf("%d entries, %d whole texts", read, whole)
	assert.Greater(t, read, texts/5)
	assert.Greater(t, whole, texts/50)
}
