package cli

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const examples = "../../examples"

// TestExamples applies every example as its reader would, and finds nothing left to do.
func TestExamples(t *testing.T) {
	entries, err := os.ReadDir(examples)
	require.NoError(t, err)
	tried := 0
	for _, e := range entries {
		if !e.IsDir() || e.Name() == "pipelines" { // pipelines_test.go
			continue
		}
		tried++
		t.Run(e.Name(), func(t *testing.T) {
			work := copyTracked(t, filepath.Join(examples, e.Name()))
			sandboxed(t, ExitDone, work, "validate")
			sandboxed(t, ExitPending, work, "plan", "--detailed-exitcode")
			sandboxed(t, ExitDone, work, "apply", "--auto-approve", "--parallelism", "8")
			require.Contains(t, sandboxed(t, ExitDone, work, "plan", "--detailed-exitcode"), "No changes")
			sandboxed(t, ExitDone, work, "output")
		})
	}
	require.NotZero(t, tried)
}

// TestExampleThatWasApplied guards the README's two commands: its first one leaves .jpsync
// beside the example, and the tests, its second one, must not take that for a part of it.
func TestExampleThatWasApplied(t *testing.T) {
	for _, kind := range []string{"checkout", "source archive"} {
		t.Run(kind, func(t *testing.T) {
			used := copyTracked(t, filepath.Join(examples, "quickstart"))
			if kind == "checkout" {
				if _, err := exec.LookPath("git"); err != nil {
					t.Skip("git is not installed")
				}
				for _, args := range [][]string{{"init", "-q"}, {"add", "."}} {
					_, err := runGit(used, args...)
					require.NoError(t, err)
				}
			}
			sandboxed(t, ExitDone, used, "apply", "--auto-approve")
			require.DirExists(t, filepath.Join(used, ".jpsync"))

			fresh := copyTracked(t, used)
			require.NoDirExists(t, filepath.Join(fresh, ".jpsync"))
			sandboxed(t, ExitPending, fresh, "plan", "--detailed-exitcode")
		})
	}
}

// sandboxed runs jpsync on the manifest in dir against the embedded simulator, and returns
// what it printed.
func sandboxed(t *testing.T, want int, dir string, args ...string) string {
	t.Helper()
	args = append(args, "--sandbox", "--manifest", filepath.Join(dir, "jpsync.yaml"))
	var out, problems bytes.Buffer
	code := Main(t.Context(), args, Host{In: &bytes.Buffer{}, Out: &out, Err: &problems})
	require.Equal(t, want, code, "jpsync %v:\n%s%s", args, &out, &problems)
	return out.String()
}

// copyTracked copies the files in dir that git tracks. Outside a checkout, as in a source
// archive, it copies all files but those in .jpsync.
func copyTracked(t *testing.T, dir string) string {
	t.Helper()
	list, err := runGit(dir, "ls-files", "-z")
	files := strings.FieldsFunc(list, func(r rune) bool { return r == 0 })
	if err != nil || len(files) == 0 {
		files, err = filesBut(dir, ".jpsync")
		require.NoError(t, err)
	}
	work := t.TempDir()
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		target := filepath.Join(work, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, data, 0o644))
	}
	return work
}

// filesBut lists the files below dir, but for those in directories named skip.
func filesBut(dir, skip string) (files []string, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == skip:
			return fs.SkipDir
		case !d.IsDir():
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// runGit runs git in dir. A git hook that runs the tests sets variables like GIT_DIR, which
// would send it elsewhere.
func runGit(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	out, err := cmd.Output()
	return string(out), err
}
