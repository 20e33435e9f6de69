package statetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"jpsync/state"
	"jpsync/state/shared"
)

// LongLog fills a place with a log of so many entries that nobody folded.
func LongLog(t *testing.T, place shared.Place, entries int) {
	t.Helper()
	x := lock(t, sharedStore(t, place), "apply")
	require.NoError(t, x.Append(t.Context(), []state.Record{binding}))
	for n := range entries - 3 {
		require.NoError(t, x.Append(t.Context(), []state.Record{created(fmt.Sprint("app-", n))}))
	}
	require.NoError(t, x.Close())
}

// Copy copies the log of a place to another.
func Copy(t testing.TB, from, to shared.Place) {
	t.Helper()
	entries, _, err := from.List(t.Context(), "log/", "")
	require.NoError(t, err)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(16)
	for _, e := range entries {
		group.Go(func() error {
			body, err := from.Read(ctx, e.Name)
			if err != nil {
				return err
			}
			return to.Create(ctx, e.Name, body)
		})
	}
	require.NoError(t, group.Wait())
}
