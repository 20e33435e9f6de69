package executor

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

func TestADeleteOfWhatIsGone(t *testing.T) {
	tests := []struct {
		name    string
		lost    bool
		pending map[string]state.Intent
		outcome Outcome
	}{
		{name: "deleted by somebody else", outcome: Failed},
		{name: "deleted by an attempt of this run", lost: true, outcome: Deleted},
		{name: "deleted by an earlier run", pending: map[string]state.Intent{"shop": {Op: state.OpDelete, AppKey: "key1"}}, outcome: Deleted},
		{name: "deleted by an earlier run under another id", pending: map[string]state.Intent{"old": {Op: state.OpDelete, AppKey: "key1"}}, outcome: Deleted},
		{name: "another key was left open", pending: map[string]state.Intent{"shop": {Op: state.OpDelete, AppKey: "key7"}}, outcome: Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.st.Pending = tt.pending
				key := w.have("shop")
				if !tt.lost {
					w.find(key).deleted = true
				}
				w.fault = func(c call) *fault {
					if tt.lost && c.attempt == 1 {
						return &fault{err: lost(), commit: true}
					}
					return nil
				}
				res := w.apply(t, t.Context(), plan(remove("shop", key, planner.Removed)))
				s := res.Steps[0]
				require.Equal(t, tt.outcome, s.Outcome)
				if tt.outcome == Deleted {
					require.Empty(t, w.st.Apps)
					require.Empty(t, w.st.Pending)
					require.Contains(t, s.Note, "answer was lost")
					return
				}
				require.Contains(t, w.st.Apps, "shop", "the record stays")
				require.Equal(t, 1013, s.Code)
				require.Contains(t, s.Remedy, "jpsync state rm shop -m other.yaml")
				require.Equal(t, s.Remedy, res.Failures[0].Remedy)
				require.Equal(t, tt.pending, func() map[string]state.Intent {
					if len(w.st.Pending) == 0 {
						return nil
					}
					return w.st.Pending
				}(), "what an earlier run left open is as it was")
			})
		})
	}
}

func TestUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
		key := w.have("shop")
		w.find(key).certs[jpush.Production] = "fp-shop"
		c := upload("shop", jpush.Production)
		c.Certificate.NotAfter = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		res := w.apply(t, t.Context(), plan(upload("shop", jpush.Development), c))
		require.Equal(t, Uploaded, res.Steps[0].Outcome)
		require.Equal(t, AlreadyThere, res.Steps[1].Outcome)
		require.Contains(t, res.Steps[1].Note, "already there")
		require.Equal(t, 2, res.Counts.Uploaded)
		require.Equal(t, state.Certificate{
			FileSHA256: "sum-shop", Fingerprint: "fp-shop", BundleID: "bundle.shop",
			NotAfter: c.Certificate.NotAfter, UploadedAt: w.opts.Now(),
		}, w.st.Apps["shop"].Certificates.Production)
		require.NotZero(t, w.st.Apps["shop"].Certificates.Development)
		require.Equal(t, "secret-"+key, w.st.Apps["shop"].MasterSecret, "the rest of the record is kept")
	})
}

func TestACertificateThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Certificates = files{err: errors.New("certs/shop.p12: the file changed since the plan was made: plan again")}
		res := w.apply(t, t.Context(), plan(create("shop"), upload("shop", jpush.Development), upload("shop", jpush.Production), create("other")))
		require.Equal(t, Created, res.Steps[0].Outcome)
		require.Equal(t, Failed, res.Steps[1].Outcome)
		require.EqualError(t, res.Steps[1].Err, "upload the development certificate: certs/shop.p12: the file changed since the plan was made: plan again")
		require.Zero(t, res.Steps[1].Attempts)
		require.Equal(t, NotStarted, res.Steps[2].Outcome)
		require.Equal(t, Created, res.Steps[3].Outcome)
		require.Len(t, w.calls, 2)
	})
}

func TestCorrectionsNeedNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.have("named")
		w.have("both")
		app := w.st.Apps["both"]
		app.Certificates.Production = state.Certificate{FileSHA256: "before", Fingerprint: "fp"}
		w.st.Apps["both"] = app
		unanswered := state.Intent{Op: state.OpDelete, AppKey: w.st.Apps["named"].AppKey}
		w.st.Pending = map[string]state.Intent{"named": unanswered}
		p := plan(upload("both", jpush.Development))
		p.Corrections = []planner.Correction{
			{App: "named", Field: planner.FieldAppName, Recorded: "app named", Desired: "new name"},
			{App: "both", Field: planner.FieldProtect, Desired: "true"},
			{App: "both", Environment: jpush.Production, Field: planner.FieldFile, Desired: "after"},
		}
		res := w.apply(t, t.Context(), p)
		require.True(t, res.Complete())
		require.True(t, res.Changed())
		require.Equal(t, 2, res.Counts.Recorded)
		require.Len(t, w.calls, 1)
		require.Equal(t, "new name", w.st.Apps["named"].AppName)
		require.Equal(t, unanswered, w.st.Pending["named"], "a correction is no answer to a request")
		require.True(t, w.st.Apps["both"].Protected)
		require.Equal(t, "after", w.st.Apps["both"].Certificates.Production.FileSHA256)
		require.NotZero(t, w.st.Apps["both"].Certificates.Development, "the step sees the changed record")
		require.Less(t, w.diary.at(t, "commit result record both"), w.diary.at(t, "send upload key2development"))
	})
}

// A commit of very many corrections could take longer than a lease.
func TestCorrectionsAreCommittedInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := &planner.Plan{}
		for i := range 2*commitAtOnce + 1 {
			id := fmt.Sprint("app", i)
			w.have(id)
			p.Corrections = append(p.Corrections, planner.Correction{App: id, Field: planner.FieldAppName, Desired: "new name"})
		}
		w.journal.commitTakes = time.Second
		most := 0
		w.journal.onAppend = func(waiting int) { most = max(most, waiting) }
		require.True(t, w.apply(t, t.Context(), p).Complete())
		require.Equal(t, commitAtOnce, most)
	})
}

func TestCorrectionsThatTheJournalDoesNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := plan(create("new"))
		for i := range 2*commitAtOnce + 1 {
			id := fmt.Sprint("app", i)
			w.have(id)
			p.Corrections = append(p.Corrections, planner.Correction{App: id, Field: planner.FieldAppName, Desired: "new name"})
		}
		w.journal.commitTakes = time.Second
		w.journal.onAppend = func(int) { // the second part begins
			if len(w.journal.records) == commitAtOnce+1 {
				w.journal.failCommit = w.journal.commits + 1
			}
		}
		res := w.apply(t, t.Context(), p)
		require.Equal(t, StopJournal, res.Stopped.Reason)
		require.Empty(t, w.calls)
		require.Equal(t, commitAtOnce, res.Counts.Recorded, "the first part is durable")
		require.True(t, res.Changed())
		res.MarkSaved()
		require.Equal(t, 2*commitAtOnce, res.Counts.Recorded, "and with the state saved, the second one is")
		res.MarkSaved()
		require.Equal(t, 2*commitAtOnce, res.Counts.Recorded)
	})
}
