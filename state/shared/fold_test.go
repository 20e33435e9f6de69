package shared

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// A holder whose lease was ended does not know so until its next record. What it purges is what was
// there before its own snapshot, and not that of its successor.
func TestPurgeSparesTheSnapshotOfASuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := used(t, 2)
		x, _, _, err := store(t, memory).Open(t.Context(), state.Holder{PID: 1, Command: "apply"})
		require.NoError(t, err)
		lease, err := store(t, memory).Holder(t.Context())
		require.NoError(t, err)
		require.NoError(t, store(t, memory).Unlock(t.Context(), lease, state.Holder{Command: "state unlock"}))
		run, err := state.Begin(t.Context(), store(t, memory), state.Options{})
		require.NoError(t, err)
		require.NoError(t, run.Update(t.Context(), func(s *state.State) error {
			delete(s.Apps, "0")
			return nil
		}))
		require.NoError(t, run.Close())

		require.NoError(t, x.Purge(t.Context()))
		require.NotContains(t, loaded(t, memory).Apps, "0")
		require.NoError(t, x.Close())
	})
}

// Runs that change nothing leave the older snapshots alone.
func TestRunsWithoutNewsKeepTheSnapshotsToGoBackTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := used(t, keptSnapshots)
		for range 3 {
			run, err := state.Begin(t.Context(), store(t, memory), state.Options{})
			require.NoError(t, err)
			require.NoError(t, run.Bind("https://admin.jpush.cn/v1/", "a"))
			require.NoError(t, run.Start(t.Context()))
			require.NoError(t, run.Finish(t.Context()))
		}
		snapshots, _, err := memory.List(t.Context(), statePrefix, "")
		require.NoError(t, err)
		var serials []int64
		for _, e := range snapshots {
			s, err := state.Unmarshal(memory.objects[e.Name].body)
			require.NoError(t, err)
			serials = append(serials, s.Serial)
		}
		require.Equal(t, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, serials)
	})
}
