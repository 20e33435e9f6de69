package cli

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/manifest"
)

// told runs a command and returns what it printed.
func told(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	require.Equal(t, ExitDone, Main(t.Context(), args, Host{In: &bytes.Buffer{}, Out: &out, Err: &err}), "%v: %s", args, err.String())
	require.Empty(t, err.String())
	return out.String()
}

func fits(t *testing.T, page, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		assert.LessOrEqual(t, runewidth.StringWidth(line), 80, "%s: %s", page, line)
		assert.NotContains(t, line, "\t", page)
	}
}

// Every command shows how it is used and what its exit codes mean, in a terminal of the
// usual width.
func TestHelpOfEveryCommand(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	pages := 0
	var visit func(node *kong.Node)
	visit = func(node *kong.Node) {
		pages++
		text := told(t, append(strings.Fields(node.Path()), "--help")...)
		assert.Contains(t, text, "Exit codes: 0 ", node.FullPath())
		assert.Regexp(t, `(?m)^Examples?:\n\n    (source <\()?jpsync `, text, node.FullPath())
		assert.Contains(t, text, "Flags of every command:", node.FullPath())
		assert.NotContains(t, text, completeCommand)
		fits(t, node.FullPath(), text)
		for _, child := range node.Children {
			visit(child)
		}
	}
	visit(model(t).Node)
	assert.Greater(t, pages, 20)
}

func TestHelpTopics(t *testing.T) {
	for _, page := range topics {
		text := told(t, "help", page.name)
		fits(t, page.name, text)
		assert.NotContains(t, text, "\n\n\n", page.name)
	}
}

// The page on the manifest leaves out no key that the schema has.
func TestHelpOnTheManifestIsComplete(t *testing.T) {
	text := told(t, "help", "manifest")
	data := manifest.Schema()
	var keys func(v any)
	found := 0
	keys = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if properties, ok := v["properties"].(map[string]any); ok {
				for key := range properties {
					found++
					assert.Contains(t, text, key+":")
				}
			}
			for name, part := range v {
				if name != "examples" && name != "default" {
					keys(part)
				}
			}
		case []any:
			for _, part := range v {
				keys(part)
			}
		}
	}
	var schema any
	require.NoError(t, json.Unmarshal(data, &schema))
	keys(schema)
	assert.Greater(t, found, 20)
}

func TestVersion(t *testing.T) {
	assert.Regexp(t, `^jpsync \S+ \(go\S+ `+runtime.GOOS+"/"+runtime.GOARCH+`\)\n$`, told(t, "version"))
	var b buildInfo
	require.NoError(t, json.Unmarshal([]byte(told(t, "version", "--format", "json")), &b))
	assert.Equal(t, thisBuild(), b)
	assert.Equal(t, buildInfo{version(), b.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH}, b)
}

func TestHelpArgs(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"plan x", "plan x"}, {"help", "--help"}, {"help plan", "plan --help"}, {"help state mv", "state mv --help"},
		{"help state", "help state"}, {"help manifest", "help manifest"}, {"help nonsense", "help nonsense"}, {"plan help", "plan help"},
	} {
		assert.Equal(t, strings.Fields(c.want), helpArgs(model(t), strings.Fields(c.args)), c.args)
	}
}
