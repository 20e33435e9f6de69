package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// compat1 is what the first version wrote: an account of the simulator, a state, the journal
// of a run that was killed, a saved plan, and what the commands printed for programs. Every
// later version reads the files, and prints all that it printed.
const compat1 = "testdata/compat/1"

// released makes the folder as it was and goes there.
func released(t *testing.T, journal bool) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(compat1)))
	t.Chdir(dir)
	sandbox := filepath.Join(".jpsync", "sandbox")
	require.NoError(t, os.MkdirAll(sandbox, 0o700))
	require.NoError(t, os.Rename("account.json", filepath.Join(sandbox, "account.json")))
	require.NoError(t, os.Rename("state.json", filepath.Join(sandbox, stateName)))
	if journal {
		require.NoError(t, os.Rename("journal", filepath.Join(sandbox, stateName+".journal")))
	}
}

func TestVersion1IsRead(t *testing.T) {
	t.Run("state", func(t *testing.T) {
		released(t, false)
		for command, file := range map[string]string{"plan": "plan.json", "output": "output.json", "certs": "certs.json", "show": "show.json"} {
			still(t, file, sandboxed(t, ExitDone, "", command, "--format", "json"))
		}
	})
	t.Run("journal", func(t *testing.T) {
		released(t, true)
		require.Contains(t, sandboxed(t, ExitDone, "", "output", "pay"), "0123456789abcdef01234567")
		require.Contains(t, sandboxed(t, ExitDone, "", "show"), "Unanswered: create of courier, sent 2026-11-28T04:00:00Z")
		require.Contains(t, sandboxed(t, ExitDone, "", "apply", "--auto-approve", "--target", "courier"), "an earlier attempt was never answered")
	})
	t.Run("saved plan", func(t *testing.T) {
		released(t, false)
		sandboxed(t, ExitDone, "", "show", "saved.plan")
		still(t, "apply.jsonl", sandboxed(t, ExitDone, "", "apply", "saved.plan", "--format", "json", "--parallelism", "1"))
		require.Contains(t, sandboxed(t, ExitDone, "", "plan", "--detailed-exitcode"), "No changes")
	})
}

// still fails unless each value of a stored output is in the present one. What differs from run
// to run counts by its type.
func still(t *testing.T, file, out string) {
	t.Helper()
	stored, err := os.ReadFile(file)
	require.NoError(t, err)
	before, after := json.NewDecoder(bytes.NewReader(stored)), json.NewDecoder(strings.NewReader(out))
	for {
		var old, now any
		err := before.Decode(&old)
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		require.NoError(t, after.Decode(&now), "%s: a value is missing:\n%s", file, out)
		includes(t, file, old, now)
	}
}

// includes fails unless now has everything that old has.
func includes(t *testing.T, path string, old, now any) {
	t.Helper()
	switch old := old.(type) {
	case map[string]any:
		require.IsType(t, old, now, path)
		for name, value := range old {
			require.Contains(t, now, name, path)
			includes(t, path+"."+name, value, now.(map[string]any)[name])
		}
	case []any:
		require.IsType(t, old, now, path)
		require.Len(t, now, len(old), path)
		for i, value := range old {
			includes(t, path, value, now.([]any)[i])
		}
	default:
		for _, varies := range []string{".app_key", ".elapsed_ms", ".jpsync_version", ".days_left", ".created_at", ".message"} {
			if strings.HasSuffix(path, varies) {
				require.IsType(t, old, now, path)
				return
			}
		}
		require.Equal(t, old, now, path)
	}
}
