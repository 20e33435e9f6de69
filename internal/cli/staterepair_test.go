package cli

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/shared"
)

// answerAfter types yes, once what happens meanwhile has happened.
type answerAfter func()

func (meanwhile answerAfter) Read(p []byte) (int, error) {
	meanwhile()
	return copy(p, "yes\n"), nil
}

// While somebody thinks about the question, the lock passes on to another run, which nobody
// asked about.
func TestUnlockSparesARunThatTookTheLockMeanwhile(t *testing.T) {
	place, ctx := shared.NewMemory(), context.Background()
	bucket, err := shared.New(place, time.Minute)
	require.NoError(t, err)
	lock := func(command string) state.Session {
		session, _, _, err := bucket.Open(ctx, state.Self(command, time.Now()))
		require.NoError(t, err)
		return session
	}
	first := lock("apply")
	var second state.Session
	var out, messages bytes.Buffer
	term := &terminal{ask: true, Host: Host{Out: &out, Err: &messages, In: answerAfter(func() {
		require.NoError(t, first.Close())
		second = lock("import")
	})}}
	g := &globals{}
	err = (&stateUnlockCmd{}).Run(ctx, term, g, &stateStore{Store: bucket, shared: bucket, place: place, t: term, g: g})
	require.Equal(t, ExitLocked, exitCode(err))
	require.ErrorContains(t, err, "another run has the lock by now, so nothing was unlocked: run jpsync state unlock again")
	require.NotContains(t, err.Error(), "--lock-timeout")
	require.Contains(t, messages.String(), "locked by jpsync apply")
	require.Empty(t, out.String())
	require.NoError(t, second.Close(), "it has the lock still")
}
