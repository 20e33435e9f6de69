package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/manifest"
)

var (
	fenced    = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")
	afterward = regexp.MustCompile(` +#| *(\||>|&&)`)
)

// TestReadmes runs no command of the READMEs, but makes sure that jpsync understands each, and
// that a manifest in them loads.
func TestReadmes(t *testing.T) {
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("../..", name))
			require.NoError(t, err)
			commands, manifests := 0, 0
			for _, block := range fenced.FindAllStringSubmatch(string(data), -1) {
				switch block[1] {
				case "sh":
					for line := range strings.Lines(block[2]) {
						args, ours := strings.CutPrefix(strings.TrimSpace(line), "jpsync ")
						if !ours {
							continue
						}
						commands++
						understood(t, strings.Fields(afterward.Split(args, 2)[0]))
					}
				case "yaml":
					if !strings.HasPrefix(block[2], "version: 1") {
						continue
					}
					manifests++
					dir := t.TempDir()
					require.NoError(t, os.Mkdir(filepath.Join(dir, "teams"), 0o700))
					more := "version: 1\napps: [{app_name: More, android_package: cn.example.more}]\n"
					require.NoError(t, os.WriteFile(filepath.Join(dir, "teams", "more.yaml"), []byte(more), 0o600))
					path := filepath.Join(dir, "jpsync.yaml")
					require.NoError(t, os.WriteFile(path, []byte(block[2]), 0o600))
					_, err := manifest.Load(path, manifest.Options{})
					require.NoError(t, err)
				}
			}
			require.GreaterOrEqual(t, commands, 7)
			require.Equal(t, 1, manifests)
			for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(data), -1) {
				_, err := os.Stat(filepath.Join("../..", link[1]))
				require.NoError(t, err)
			}
		})
	}
}

var (
	anAppKey  = regexp.MustCompile(`[0-9a-f]{24}`)
	anElapsed = regexp.MustCompile(`in [0-9.]+m?s\.`)
)

// TestReadmesShowRealOutput applies the quickstart example, twice, and looks for what that
// prints in the READMEs. Keys and times differ.
func TestReadmesShowRealOutput(t *testing.T) {
	alike := func(s string) string {
		return anElapsed.ReplaceAllString(anAppKey.ReplaceAllString(s, "KEY"), "in TIME.")
	}
	work := copyTracked(t, filepath.Join(examples, "quickstart"))
	first := sandboxed(t, ExitDone, work, "apply", "--auto-approve")
	second := sandboxed(t, ExitDone, work, "apply", "--auto-approve")
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		data, err := os.ReadFile(filepath.Join("../..", name))
		require.NoError(t, err)
		text := alike(string(data))
		require.Contains(t, text, "```text\n"+alike(first)+"```", name)
		require.Contains(t, text, "```text\n"+alike(second)+"```", name)
	}
}

var (
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	stories  = regexp.MustCompile("stor(?:y|ies) ((?:`[a-z-]+`(?:, | and )?)+)")
	word     = regexp.MustCompile("[a-z-]+")
)

// TestReliabilityNamesTestsThatExist keeps the page of promises from naming a test or a story
// that is gone.
func TestReliabilityNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/reliability.md")
	require.NoError(t, err)
	var tests strings.Builder
	require.NoError(t, filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		tests.Write(data)
		return err
	}))
	named := testName.FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, named)
	for _, name := range named {
		require.True(t, strings.Contains(tests.String(), "func "+name[1]+"("), name[1])
	}
	told := stories.FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, told)
	for _, list := range told {
		for _, story := range word.FindAllString(strings.ReplaceAll(list[1], " and ", " "), -1) {
			require.FileExists(t, filepath.Join("testdata/script", story+".txtar"))
		}
	}
}
