package cli

import (
	"bytes"
	"context"
	"os"
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
	parser, err := kong.New(&root{}, kong.Name("jpsync"), kong.DefaultEnvars("JPSYNC"))
	require.NoError(t, err)
	return parser.Model
}

// names are the flags and arguments of all commands as sources has them.
func names(node *kong.Node) []string {
	var list []string
	for _, f := range node.Flags {
		list = append(list, "--"+f.Name, strings.TrimSpace(node.Path()+" --"+f.Name))
	}
	for _, arg := range node.Positional {
		list = append(list, node.Path()+" "+arg.Name)
	}
	for _, child := range node.Children {
		list = append(list, names(child)...)
	}
	return list
}

func TestCompletionKnowsNothingThatIsNotThere(t *testing.T) {
	have := names(model(t).Node)
	for name := range sources {
		assert.Contains(t, have, name)
	}
}

// Each argument is completed somehow, and so is each flag that takes one of a few values, a
// path or an app. What else a flag takes is a number or a text of one's own.
func TestCompletionForgetsNoArgument(t *testing.T) {
	free := []string{"import app-key", "certs inspect --bundle-id", "certs make-test --bundle-id"}
	kinds := []string{"", "FILE", "PATH", "DIR", "GLOB", "ID", "CODE", "FORM", "FORMAT", "KEY=VALUE"}
	root := model(t)
	var visit func(node *kong.Node)
	visit = func(node *kong.Node) {
		q := &query{ctx: t.Context(), t: newTerminal(Host{In: os.Stdin, Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, "never", true, false), root: root, node: node, flags: map[string]string{}}
		known := func(v *kong.Value, name string) bool {
			p := q.valueOf(v, name)
			return len(p.words) > 0 || p.paths != "" || sources[name] != nil || sources[node.Path()+" "+name] != nil
		}
		for _, arg := range node.Positional {
			if name := node.Path() + " " + arg.Name; !slices.Contains(free, name) {
				assert.True(t, known(arg, arg.Name), name)
			}
		}
		for _, f := range node.Flags {
			if name := node.Path() + " --" + f.Name; slices.Contains(kinds, f.PlaceHolder) && !slices.Contains(free, name) {
				assert.True(t, known(f.Value, "--"+f.Name), name)
			}
		}
		for _, child := range node.Children {
			visit(child)
		}
	}
	visit(root.Node)
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

func TestHomeIsFilledIn(t *testing.T) {
	t.Setenv("HOME", "/home/x")
	assert.Equal(t, filepath.Join("/home/x", "a/b"), home("~/a/b"))
	assert.Equal(t, "a/~/b", home("a/~/b"))
}

// FuzzComplete asks for the completion of anything. The answer is well-formed, whatever was
// asked, and made without the help of recover.
func FuzzComplete(f *testing.F) {
	for _, seed := range []string{"", "plan\x00--t", "--manifest=x\x00output\x00", "-m", "-mx\x00", "-\x00--\x00-", "--=\x00", "state\x00rm\x00", "output\x00--format=template=", "certs\x00--f", "help\x00state\x00", "-q-\x00"} {
		f.Add(seed)
	}
	f.Chdir(f.TempDir())
	root := model(f)
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, "\x00")
		last := len(words) - 1
		var out bytes.Buffer
		q := &query{ctx: context.Background(), t: newTerminal(Host{In: &out, Out: &out, Err: &out}, "never", true, false), root: root, node: root.Node, flags: map[string]string{}}
		for _, word := range words[:last] {
			q.read(unquote(word))
		}
		q.answer(words[last]).print(&out, words[last], false)
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
