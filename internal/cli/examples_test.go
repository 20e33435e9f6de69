package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/cli"
)

// TestExamples applies every example as its reader would, and finds nothing left to do.
func TestExamples(t *testing.T) {
	const dir = "../../examples"
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	tried := 0
	for _, e := range entries {
		if !e.IsDir() || e.Name() == "pipelines" { // held by the tests of pipelines
			continue
		}
		tried++
		t.Run(e.Name(), func(t *testing.T) {
			work := t.TempDir()
			require.NoError(t, os.CopyFS(work, os.DirFS(filepath.Join(dir, e.Name()))))
			manifest := filepath.Join(work, "jpsync.yaml")
			if _, err := os.Stat(manifest); err != nil {
				manifest = work
			}
			run := func(want int, args ...string) string {
				t.Helper()
				var out, problems bytes.Buffer
				code := cli.Main(t.Context(), append(args, "--sandbox", "--manifest", manifest), cli.Host{In: &bytes.Buffer{}, Out: &out, Err: &problems})
				require.Equal(t, want, code, "jpsync %v:\n%s%s", args, &out, &problems)
				return out.String()
			}
			run(cli.ExitDone, "validate")
			run(cli.ExitPending, "plan", "--detailed-exitcode")
			run(cli.ExitDone, "apply", "--auto-approve", "--parallelism", "8")
			require.Contains(t, run(cli.ExitDone, "plan", "--detailed-exitcode"), "No changes")
			run(cli.ExitDone, "output")
		})
	}
	require.NotZero(t, tried)
}
