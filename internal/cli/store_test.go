package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/shared"
	"jpsync/state/statetest"
)

// A command that did its work and could not give the lock back says so: the next run waits for it.
func TestALockThatIsNotGivenBackIsTold(t *testing.T) {
	refuse := false
	place := &statetest.Hooked{Place: shared.NewMemory(), Hook: func(ctx context.Context, c statetest.Call, do func(context.Context) error) error {
		if refuse && c.Op == "create" {
			return errors.New("no right to write")
		}
		return do(ctx)
	}}
	bucket, err := shared.New(place, 0)
	require.NoError(t, err)
	var messages strings.Builder
	store := &stateStore{Store: bucket, shared: bucket, place: place, t: newTerminal(Host{Err: &messages}, "never", false, false), g: &globals{}}
	add := func(id string) func(*state.State) error {
		return func(s *state.State) error {
			s.Apps[id] = state.App{AppName: id, AndroidPackage: "cn.example." + id, AppKey: "key"}
			return nil
		}
	}
	run, err := store.begin(t.Context(), store.options("import"))
	require.NoError(t, err)
	require.NoError(t, run.Update(t.Context(), add("a")))
	store.end()
	require.Empty(t, messages.String())

	_, err = store.edit(t.Context(), "state mv", func(s *state.State) error {
		refuse = true
		return errors.New("there is no such app")
	})
	require.ErrorContains(t, err, "no such app")
	store.end()
	require.Contains(t, messages.String(), "warning: give back the lock (it ends by itself within 2m2s): no right to write")
}
