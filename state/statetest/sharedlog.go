package statetest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"jpsync/state"
	"jpsync/state/shared"
)

// testGap takes each entry of a log away in turn, but for the last, which was not written
// yet for all that a reader can know.
func testGap(t *testing.T, place shared.Place) {
	ctx := t.Context()
	a := lock(t, sharedStore(t, place), "apply")
	require.NoError(t, a.Append(ctx, []state.Record{binding, created("shop")}))
	require.NoError(t, a.Append(ctx, []state.Record{created("pay")}))
	require.NoError(t, a.Close())
	for _, name := range []string{"log/000000000001", "log/000000000002", "log/000000000003"} {
		body, err := place.Read(ctx, name)
		require.NoError(t, err)
		require.NoError(t, place.Remove(ctx, name))
		_, err = sharedStore(t, place).Load(ctx)
		require.ErrorIs(t, err, state.ErrDamaged, "without %s", name)
		require.NoError(t, place.Create(ctx, name, body))
	}
	require.Len(t, load(t, place).Apps, 2)
}

func testMissingSnapshot(t *testing.T, place shared.Place) {
	keep := undeleted{place}
	require.NoError(t, FullRun(keep, "first"))
	require.NoError(t, FullRun(keep, "second"))
	snapshots, _, err := place.List(t.Context(), "state/", "")
	require.NoError(t, err)
	require.Len(t, snapshots, 2)
	require.NoError(t, place.Remove(t.Context(), snapshots[1].Name))
	_, err = sharedStore(t, place).Load(t.Context())
	require.ErrorIs(t, err, state.ErrDamaged, "an older state must not be taken for the present one")
}

// testOrphanSnapshot leaves what a writer leaves behind that is killed before its fold entry.
func testOrphanSnapshot(t *testing.T, place shared.Place) {
	require.NoError(t, FullRun(place, "first"))
	s := state.New()
	s.Lineage, s.Serial = "another", 99
	body, err := state.Marshal(s)
	require.NoError(t, err)
	entries, _, err := place.List(t.Context(), "log/", "")
	require.NoError(t, err)
	last := entries[len(entries)-1].Name
	require.NoError(t, place.Create(t.Context(), strings.Replace(last, "log/", "state/", 1), body))
	require.EqualValues(t, 1, load(t, place).Serial)
	require.NoError(t, FullRun(place, "second"))
	require.Len(t, load(t, place).Apps, 4)
}

// testFoldAgain folds another state after a fold whose entry could not be written in time.
func testFoldAgain(t *testing.T, place shared.Place) {
	ctx := t.Context()
	cut := false
	hooked := &Hooked{Place: place, Hook: func(ctx context.Context, c Call, do func(context.Context) error) error {
		err := do(ctx)
		if cut && c.Op == "create" && strings.HasPrefix(c.Name, "state/") {
			cut = false
			return context.DeadlineExceeded // as if its time were over just now
		}
		return err
	}}
	x, s, _, err := sharedStore(t, hooked).Open(ctx, state.Holder{})
	require.NoError(t, err)
	require.NoError(t, x.Append(ctx, []state.Record{binding, created("shop")}))
	s.Apply(binding)
	s.Apply(created("shop"))
	s.Serial++
	cut = true
	require.Error(t, x.Fold(ctx, s))
	s.Account = "another"
	require.NoError(t, x.Fold(ctx, s))
	require.NoError(t, x.Close())
	require.Equal(t, "another", load(t, place).Account)
}

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
