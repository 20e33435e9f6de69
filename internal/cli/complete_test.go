package cli

import (
	"bytes"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func model(t testing.TB) *kong.Application {
	t.Helper()
	parser, err := newParser(&root{}, Host{})
	require.NoError(t, err)
	return parser.Model
}

// ask returns the query of an unfinished command line.
func ask(t testing.TB, before ...string) *query {
	t.Helper()
	var cmd root
	var out bytes.Buffer
	host := Host{In: &out, Out: &out, Err: &out}
	parser, err := newParser(&cmd, host)
	require.NoError(t, err)
	return newQuery(t.Context(), parser, &cmd, before, newTerminal(host, "never", true, false))
}

// named are the sources that the flags and arguments of all commands name.
func named(node *kong.Node) map[string]bool {
	found := map[string]bool{"": true} // most name none
	for _, f := range node.Flags {
		found[f.Tag.Get("complete")] = true
	}
	for _, arg := range node.Positional {
		found[arg.Tag.Get("complete")] = true
	}
	for _, child := range node.Children {
		maps.Copy(found, named(child))
	}
	return found
}

func TestCompletionNamesTheSourcesThatThereAre(t *testing.T) {
	have := named(model(t).Node)
	delete(have, "")
	require.Equal(t, sortedKeys(sources), sortedKeys(have))
}

// Each argument is completed somehow, and so is each flag that takes one of a few values, a
// path or an app. What else a flag takes is a number or a text of one's own.
func TestCompletionForgetsNoArgument(t *testing.T) {
	free := []string{"import app-key", "certs inspect --bundle-id", "certs make-test --bundle-id"}
	kinds := []string{"", "FILE", "PATH", "DIR", "GLOB", "ID", "CODE", "FORM", "FORMAT", "KEY=VALUE"}
	var visit func(node *kong.Node)
	visit = func(node *kong.Node) {
		q := ask(t, strings.Fields(node.Path())...)
		known := func(v *kong.Value) bool {
			p := q.valueOf(v)
			return len(p.words) > 0 || p.paths != "" || sources[v.Tag.Get("complete")] != nil
		}
		for _, arg := range node.Positional {
			if name := node.Path() + " " + arg.Name; !slices.Contains(free, name) {
				assert.True(t, known(arg), name)
			}
		}
		for _, f := range node.Flags {
			if name := node.Path() + " --" + f.Name; slices.Contains(kinds, f.PlaceHolder) && !slices.Contains(free, name) {
				assert.True(t, known(f.Value), name)
			}
		}
		for _, child := range node.Children {
			visit(child)
		}
	}
	visit(model(t).Node)
}

func TestUnquote(t *testing.T) {
	for raw, want := range map[string]string{
		"": "", "plain": "plain", `my\ app`: "my app", `"my app"`: "my app", `'a"b'`: `a"b`, `"a\"b\c"`: `a"b\c`,
		`"open`: "open", `'op\en`: `op\en`, `a'b c'd`: "ab cd", `$HOME`: "$HOME", `商\ 城`: "商 城", `tail\`: "tail",
	} {
		assert.Equal(t, want, unquote(raw), raw)
	}
}

func TestQuotedWordsAreOneWordToBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	for _, word := range []string{"a b", `"'\`, "$(id)`x`", "a&b|c;d<e>f", "*?[x]{a,b}", "!x^y", "~root", "#x", "商 城", "a=b:c", "${x}", "(a)"} {
		quoted := quoteBash(word)
		assert.Equal(t, word, unquote(quoted))
		if err == nil {
			out, err := exec.Command(bash, "--norc", "-c", "printf '<%s>' "+quoted).Output()
			require.NoError(t, err)
			assert.Equal(t, "<"+word+">", string(out))
		}
	}
}

func TestHomeIsExpanded(t *testing.T) {
	t.Setenv("HOME", "/home/x")
	t.Setenv("USERPROFILE", "/home/x") // of Windows
	g := ask(t, "-m", "~/a/b", "--state=~/s", "--cert-root", "a/~/b").globals()
	assert.Equal(t, []string{filepath.FromSlash("/home/x/a/b"), filepath.FromSlash("/home/x/s"), "a/~/b"}, []string{g.Manifest, g.State, g.CertRoot})
}

func TestCompletionOfFlagsGivenBefore(t *testing.T) {
	for line, want := range map[string]string{
		"plan --target a --target": "target", "-qm": "manifest", "plan --nonsense --target": "target", "certs --expiring-within": "expiring-within",
		"-mx": "", "plan -q": "", "plan -- --target": "", "": "", "apply --parallelism none": "",
	} {
		if pending := ask(t, strings.Fields(line)...).pending; want == "" {
			assert.Nil(t, pending, line)
		} else if assert.NotNil(t, pending, line) {
			assert.Equal(t, want, pending.Name, line)
		}
	}
}

// FuzzComplete asks for the completion of anything. The answer is well-formed, whatever was
// asked, and made without the help of recover.
func FuzzComplete(f *testing.F) {
	for _, seed := range []string{"", "plan\x00--t", "--manifest=x\x00output\x00", "-m", "-mx\x00", "-\x00--\x00-", "--=\x00", "state\x00rm\x00", "output\x00--format=template=", "certs\x00--f", "help\x00state\x00", "-q-\x00"} {
		f.Add(seed)
	}
	f.Chdir(f.TempDir())
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, "\x00")
		last := len(words) - 1
		var out bytes.Buffer
		before := make([]string, last)
		for i := range before {
			before[i] = unquote(words[i])
		}
		ask(t, before...).answer(words[last]).print(&out, words[last], false)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		for _, line := range lines[:len(lines)-1] {
			if value, _, found := strings.Cut(line, "\t"); !found || !strings.HasPrefix(value, words[last]) {
				t.Fatalf("%q does not go on from %q", line, words[last])
			}
		}
		if kind := lines[len(lines)-1]; !slices.Contains([]string{":file", ":dir", ":open", ":done"}, kind) {
			t.Fatalf("the last line is %q", kind)
		}
	})
}
