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
