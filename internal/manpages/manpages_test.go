package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/cli"
	"jpsync/manifest"
)

// written runs the program and returns the directory and the two pages.
func written(t *testing.T) (dir, commands, keys string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "man")
	require.NoError(t, run([]string{dir}, "1767225600"))
	var texts []string
	for _, name := range []string{"jpsync.1", "jpsync.yaml.5"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		texts = append(texts, string(data))
	}
	return dir, texts[0], texts[1]
}

// The page has every command, argument, flag and variable, and every exit code.
func TestCommandPageIsComplete(t *testing.T) {
	_, page, _ := written(t)
	model, err := cli.Model()
	require.NoError(t, err)
	commands := 0
	var visit func(node *kong.Node, section string)
	visit = func(node *kong.Node, section string) {
		commands++
		for _, argument := range node.Positional {
			assert.Contains(t, section, ".It Ar "+argument.Name+"\n", node.FullPath())
		}
		for _, f := range node.Flags {
			if f.Name == "help" {
				continue
			}
			assert.Regexp(t, `(?m)^\.It Fl (\w , -|-)`+f.Name+`( |$)`, section, node.FullPath())
			for _, variable := range f.Envs {
				assert.Contains(t, page, ".It Ev "+variable+"\n")
			}
		}
		for _, child := range node.Children {
			_, rest, found := strings.Cut(page, ".Ss "+child.FullPath()+"\n")
			require.True(t, found, child.FullPath())
			own, _, _ := strings.Cut(rest, "\n.Ss ")
			assert.Contains(t, own, "\nExit codes: 0 ", child.FullPath())
			visit(child, own)
		}
	}
	visit(model.Node, page)
	assert.Greater(t, commands, 20)
	for _, code := range []string{"0", "1", "2", "3", "4", "5", "6", "130"} {
		assert.Contains(t, page, ".It "+code+"\n")
	}
	assert.NotContains(t, page, "__complete")
}

// The page has every key of the schema, with its description, type and default.
func TestManifestPageIsComplete(t *testing.T) {
	_, _, page := written(t)
	var schema any
	require.NoError(t, json.Unmarshal(manifest.Schema(), &schema))
	found := 0
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			properties, _ := v["properties"].(map[string]any)
			for key, value := range properties {
				found++
				_, item, ok := strings.Cut(page, "\n.It Ic \"\\&"+key+"\"\n"+text(value.(map[string]any)["description"].(string)))
				require.True(t, ok, key)
				item, _, _ = strings.Cut(item, "\n.")
				item = strings.ReplaceAll(item, `\%`, "")
				assert.Contains(t, item, "Type: ", key)
				if value, ok := value.(map[string]any)["default"]; ok {
					assert.Contains(t, item, "Default: "+flow(value)+".", key)
				}
			}
			for name, part := range v {
				if name != "examples" && name != "default" {
					visit(part)
				}
			}
		case []any:
			for _, part := range v {
				visit(part)
			}
		}
	}
	visit(schema)
	assert.Greater(t, found, 20)
}

func TestExampleManifestLoads(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "teams"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "teams", "more.yaml"), []byte("version: 1\napps: [{app_name: More, android_package: cn.example.more}]\n"), 0o600))
	path := filepath.Join(dir, "jpsync.yaml")
	require.NoError(t, os.WriteFile(path, []byte(exampleManifest), 0o600))
	m, err := manifest.Load(path, manifest.Options{})
	require.NoError(t, err)
	assert.Len(t, m.Apps, 3)
}

// mandoc finds nothing to warn of, and no line is wider than a usual terminal.
func TestPagesAreSound(t *testing.T) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is not installed")
	}
	dir, _, _ := written(t)
	for _, name := range []string{"jpsync.1", "jpsync.yaml.5"} {
		file := filepath.Join(dir, name)
		warnings, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", file).CombinedOutput()
		assert.NoError(t, err, "%s", warnings)
		shown, err := exec.Command("mandoc", "-T", "utf8", "-O", "width=80", file).Output()
		require.NoError(t, err)
		for line := range strings.Lines(overstruck(string(shown))) {
			assert.LessOrEqual(t, runewidth.StringWidth(strings.TrimSuffix(line, "\n")), 80, line)
		}
	}
}

// overstruck drops what makes letters bold or underlined: a letter and a backspace.
func overstruck(s string) string {
	var kept []rune
	for _, r := range s {
		if r == '\b' {
			kept = kept[:len(kept)-1]
			continue
		}
		kept = append(kept, r)
	}
	return string(kept)
}

func TestTextIsNoMarkup(t *testing.T) {
	for s, want := range map[string]string{
		".env is a file":           `\&.env is a file`,
		"'quoted' and `ticked`":    `\(aqquoted\(aq and \(gaticked\(ga`,
		`a\b ~/x ^y`:               `a\eb \%\(ti/x \(hay`,
		"with --max-deletes, -m x": `with \-\-max\-deletes, \-m x`,
		"well-kept. Next one":      "well-kept.\nNext one",
	} {
		assert.Equal(t, want, text(s))
	}
	assert.Equal(t, `"\&say \(dqOp\(dq"`, quote(`say "Op"`))
}

func TestDate(t *testing.T) {
	_, page, _ := written(t)
	assert.Contains(t, page, ".Dd January 1, 2026\n")
	_, again, _ := written(t)
	assert.Equal(t, page, again)
	_, err := dateOf("yesterday")
	assert.Error(t, err)
	assert.Error(t, run(nil, ""))
}
