package executor

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

// When the journal fails, the run stops, and the answers of what was in flight are handed
// over all the same.
func TestTheJournalFails(t *testing.T) {
	const apps = 120 // enough for more than 30 commits, however many records share one
	for n := range 30 {
		t.Run(fmt.Sprintf("commit %d", n+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.latency = time.Millisecond
				w.journal.commitTakes = time.Millisecond
				w.journal.failCommit = n + 1
				j := w.journal
				res := w.apply(t, t.Context(), creates(apps))
				require.Error(t, j.err)
				require.NotNil(t, res.Stopped)
				require.Equal(t, StopJournal, res.Stopped.Reason)
				require.NotZero(t, res.Counts.NotStarted+res.Counts.Failed)
				require.Len(t, w.st.Apps, len(w.apps), "every app that was made is known, at least in memory")
				require.Empty(t, w.st.Pending, "what was not sent is not open")
				told := 0
				for _, e := range w.events {
					if e.Type == ApplyComplete {
						told++
						require.Less(t, w.diary.at(t, "commit result create "+e.App), w.diary.at(t, "event apply_complete create "+e.App))
					}
				}
				require.Equal(t, res.Counts.Created, told)
				for _, s := range res.Steps {
					var unsaved *UnsavedError
					if s.Outcome == Failed && errors.As(s.Err, &unsaved) {
						require.Equal(t, Created, unsaved.Outcome)
						require.NotEmpty(t, unsaved.AppKey)
						require.ErrorContains(t, s.Err, unsaved.AppKey)
					}
				}
				res.MarkSaved()
				require.Equal(t, len(w.apps), res.Counts.Created, "with the state saved, what the server has is no failure")
				require.Equal(t, apps, res.Counts.Created+res.Counts.Failed+res.Counts.NotStarted)
			})
		})
	}
}

// A commit that fails stops the run there and then.
func TestAFailedCommitStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.latency = time.Millisecond
		w.journal.commitTakes = 50 * time.Millisecond
		w.journal.failCommit = 3
		j := w.journal
		w.apply(t, t.Context(), creates(30))
		require.False(t, j.broke.IsZero())
		for _, c := range w.calls {
			require.False(t, c.started.After(j.broke), "a request started after the journal broke")
		}
	})
}

// Between the beginning of a step and its request there is time for the run to stop.
func TestTheLastQuestionBeforeARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.have("shop")
		ctx, cancel := context.WithCancel(t.Context())
		w.opts.Certificates = files{during: cancel}
		res := w.apply(t, ctx, plan(upload("shop", jpush.Production)))
		require.Empty(t, w.calls)
		require.Equal(t, NotStarted, res.Steps[0].Outcome)
		require.Empty(t, w.events)
	})
}
