package executor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

func intentFor(id, pkg string) state.Intent {
	return state.Intent{Op: state.OpCreate, AppName: "app " + id, AndroidPackage: pkg}
}

// Whose an app is that the server had already, and what is recorded of it.
func TestAnAppThatExists(t *testing.T) {
	yes, no := true, false
	tests := []struct {
		name      string
		protect   *bool
		policy    manifest.OnExisting
		pending   map[string]state.Intent
		lostFirst bool
		outcome   Outcome
		adopted   bool
		protected bool
		note      string
	}{
		{name: "somebody else's", outcome: Adopted, adopted: true, protected: true, note: "protected from deletion"},
		{name: "somebody else's, protect: true", protect: &yes, outcome: Adopted, adopted: true, protected: true, note: "adopted"},
		{name: "somebody else's, protect: false", protect: &no, outcome: Adopted, adopted: true, note: "adopted"},
		{name: "somebody else's, refused", policy: manifest.Fail, outcome: Failed},
		{name: "ours, the answer was lost", lostFirst: true, outcome: Created, note: "answer was lost"},
		{name: "ours, the answer was lost, on_existing fail", lostFirst: true, policy: manifest.Fail, outcome: Created, note: "answer was lost"},
		{name: "ours, the answer was lost, protect: true", lostFirst: true, protect: &yes, outcome: Created, protected: true, note: "answer was lost"},
		{name: "ours, left open by an earlier run", pending: map[string]state.Intent{"shop": intentFor("shop", "cn.example.shop")}, outcome: Created, note: "answer was lost"},
		{name: "ours, left open under another id", pending: map[string]state.Intent{"old": intentFor("old", "cn.example.shop")}, policy: manifest.Fail, outcome: Created, note: "answer was lost"},
		{name: "another package was left open", pending: map[string]state.Intent{"shop": intentFor("shop", "cn.example.other")}, outcome: Adopted, adopted: true, protected: true, note: "look for that app in the console"},
		{name: "a delete was left open", pending: map[string]state.Intent{"shop": {Op: state.OpDelete, AppKey: "key9"}}, outcome: Adopted, adopted: true, protected: true, note: "adopted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.st.Pending = tt.pending
				existing := w.add("app shop", "cn.example.shop")
				w.fault = func(c call) *fault {
					if tt.lostFirst && c.attempt == 1 {
						return &fault{err: lost(), commit: true}
					}
					return nil
				}
				c := create("shop")
				c.Protect = tt.protect
				p := plan(c)
				p.OnExisting = tt.policy
				began := time.Now()
				res := w.apply(t, t.Context(), p)
				s := res.Steps[0]
				require.Equal(t, tt.outcome, s.Outcome)
				require.Contains(t, s.Note, tt.note)
				require.Equal(t, 1, w.alive("cn.example.shop"))
				require.Empty(t, w.st.Pending, "nothing is open any more")
				if tt.outcome == Failed {
					require.ErrorContains(t, s.Err, existing.key)
					require.ErrorContains(t, s.Err, "jpsync import shop "+existing.key)
					require.Empty(t, w.st.Apps)
					return
				}
				app := w.st.Apps["shop"]
				require.Equal(t, existing.key, s.AppKey)
				require.False(t, app.CreatedAt.Before(began))
				app.CreatedAt = time.Time{}
				require.Equal(t, state.App{
					AppName: "app shop", AndroidPackage: "cn.example.shop", AppKey: existing.key, MasterSecret: "secret-" + existing.key,
					Adopted: tt.adopted, Protected: tt.protected,
				}, app)
				e := w.events[len(w.events)-1]
				require.Equal(t, ApplyComplete, e.Type)
				require.Equal(t, tt.outcome, e.Outcome)
				require.Equal(t, s.Note, e.Note)
			})
		})
	}
}

// An id that has another package now and was left open with the old one: whoever gets the
// old package does not touch what is open about the new one.
func TestAnotherIDsIntentIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Parallelism = 1
		w.opts.MaxAttempts = 1
		w.st.Pending["x"] = intentFor("x", "cn.example.y")
		w.add("app x", "cn.example.y")
		w.fault = func(c call) *fault {
			if c.target == "cn.example.x" {
				return &fault{err: lost(), commit: true}
			}
			return nil
		}
		res := w.apply(t, t.Context(), plan(create("x"), create("y")))
		require.Equal(t, Unknown, res.Steps[0].Outcome)
		require.Equal(t, Created, res.Steps[1].Outcome)
		require.Equal(t, "cn.example.x", w.st.Pending["x"].AndroidPackage)
		require.Len(t, w.st.Pending, 1)
	})
}

// A delete that an earlier run left open is over once this run made it, even if the create
// that follows is refused.
func TestWhatIsSettledStaysSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		key := w.have("shop")
		w.st.Pending["shop"] = state.Intent{Op: state.OpDelete, AppKey: key}
		w.fault = func(c call) *fault {
			if c.op == planner.Create {
				return &fault{err: refusal(4003)}
			}
			return nil
		}
		res := w.apply(t, t.Context(), plan(remove("shop", key, planner.Replace), create("shop")))
		require.Equal(t, Deleted, res.Steps[0].Outcome)
		require.Equal(t, Failed, res.Steps[1].Outcome)
		require.Empty(t, w.st.Pending)
		require.Empty(t, w.st.Apps)
	})
}

// A server that makes a new app for every create may have two after a lost answer. There is
// no way to find out, so it is told.
func TestAPossibleSecondAppIsTold(t *testing.T) {
	for _, earlierRun := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.createAlways = true
			if earlierRun {
				w.st.Pending["shop"] = intentFor("shop", "cn.example.shop")
			}
			w.fault = func(c call) *fault {
				if c.attempt == 1 && !earlierRun {
					return &fault{err: lost(), commit: true}
				}
				return nil
			}
			res := w.apply(t, t.Context(), plan(create("shop"), create("quiet")))
			s := step(t, res, planner.Create, "shop")
			require.Equal(t, Created, s.Outcome)
			require.Contains(t, s.Note, "may have made a second app")
			require.Contains(t, s.Note, "cn.example.shop in the console")
			require.Equal(t, !earlierRun, strings.Contains(step(t, res, planner.Create, "quiet").Note, "second app"), "only where an answer was lost")
		})
	}
}

func TestOneAppNeverGetsTwoRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Parallelism = 1
		key := w.have("mine")
		// The same app under another id, as after a change of the package's spelling that
		// the server does not care about.
		recorded := create("copy")
		recorded.AndroidPackage = "cn.example.mine"
		twice := create("second")
		twice.AndroidPackage = "cn.example.first"
		res := w.apply(t, t.Context(), plan(recorded, upload("copy", jpush.Production), create("first"), twice))
		for id, other := range map[string]string{"copy": "mine", "second": "first"} {
			s := step(t, res, planner.Create, id)
			require.Equal(t, Failed, s.Outcome)
			require.ErrorContains(t, s.Err, fmt.Sprintf("recorded for %q already", other))
		}
		require.ErrorContains(t, step(t, res, planner.Create, "copy").Err, key)
		require.Equal(t, NotStarted, step(t, res, planner.Upload, "copy").Outcome)
		require.Len(t, w.st.Apps, 2)
		require.Empty(t, w.st.Pending)
	})
}

func TestAKnownMasterSecretIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		key := w.have("shop")
		api := silent{w.server}
		w.opts.API = api
		// The delete is answered but the app lives on, and the create says nothing about
		// the secret.
		w.fault = func(c call) *fault {
			if c.op == planner.Delete {
				return &fault{}
			}
			return nil
		}
		res := w.apply(t, t.Context(), plan(remove("shop", key, planner.Replace), create("shop"), create("fresh")))
		require.True(t, res.Complete(), "%+v", res.Failures)
		require.Equal(t, "secret-"+key, w.st.Apps["shop"].MasterSecret)
		require.Empty(t, w.st.Apps["fresh"].MasterSecret)
	})
}

// silent is a server that never tells a master secret.
type silent struct{ *server }

func (s silent) CreateApp(ctx context.Context, app jpush.App) (jpush.Created, error) {
	made, err := s.server.CreateApp(ctx, app)
	made.MasterSecret = ""
	return made, err
}

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
				require.Contains(t, s.Remedy, "jpsync state rm shop")
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
		}, w.st.Apps["shop"].Certificates[jpush.Production])
		require.Len(t, w.st.Apps["shop"].Certificates, 2)
		require.Equal(t, "secret-"+key, w.st.Apps["shop"].MasterSecret, "the rest of the record is kept")
	})
}

func TestACertificateThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Certificates = files{err: errors.New("the file changed since the plan was made: plan again")}
		res := w.apply(t, t.Context(), plan(create("shop"), upload("shop", jpush.Development), upload("shop", jpush.Production), create("other")))
		require.Equal(t, Created, res.Steps[0].Outcome)
		require.Equal(t, Failed, res.Steps[1].Outcome)
		require.ErrorContains(t, res.Steps[1].Err, "certs/shop.p12: the file changed since")
		require.Zero(t, res.Steps[1].Attempts)
		require.Equal(t, NotStarted, res.Steps[2].Outcome)
		require.Equal(t, Created, res.Steps[3].Outcome)
		require.Len(t, w.calls, 2)
	})
}

func TestRecordsNeedNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.have("named")
		w.have("both")
		certs := map[jpush.Environment]state.Certificate{jpush.Production: {FileSHA256: "before", Fingerprint: "fp"}}
		app := w.st.Apps["both"]
		app.Certificates = certs
		w.st.Apps["both"] = app
		p := plan(upload("both", jpush.Development))
		p.Records = []planner.Record{
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
		require.True(t, w.st.Apps["both"].Protected)
		require.Equal(t, "after", w.st.Apps["both"].Certificates[jpush.Production].FileSHA256)
		require.Contains(t, w.st.Apps["both"].Certificates, jpush.Development, "the step sees the changed record")
		require.Equal(t, "before", certs[jpush.Production].FileSHA256, "the state that came in is not touched")
		require.Less(t, w.diary.at(t, "sync result record both"), w.diary.at(t, "send upload key2development"))
	})
}

// Whatever the service does, two runs later everything is in step: one record per app, no
// app twice, nothing adopted that is ours.
func TestConvergence(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			w := newWorld()
			w.opts.Parallelism = 1 + int(seed%9)
			w.opts.MaxAttempts = 2
			w.latency = time.Millisecond
			w.journal.syncTakes = time.Duration(seed%4) * time.Millisecond
			gone := map[string]string{}
			for i := range 10 {
				id := fmt.Sprintf("gone%d", i)
				gone[id] = w.have(id)
			}
			todo := func() *planner.Plan {
				p := &planner.Plan{}
				for i := range 40 {
					id := fmt.Sprintf("a%d", i)
					app, ok := w.st.Apps[id]
					if !ok {
						p.Actions = append(p.Actions, create(id))
					}
					if _, ok := app.Certificates[jpush.Production]; !ok {
						p.Actions = append(p.Actions, upload(id, jpush.Production))
					}
				}
				for i := range 10 {
					id := fmt.Sprintf("gone%d", i)
					if _, ok := w.st.Apps[id]; ok {
						p.Actions = append(p.Actions, remove(id, gone[id], planner.Removed))
					}
				}
				return p
			}
			bad := []func() *fault{
				func() *fault { return &fault{err: lost(), commit: true} },
				func() *fault { return &fault{err: lost()} },
				func() *fault { return &fault{err: unreachable()} },
				func() *fault { return &fault{err: refusal(10)} },
				func() *fault { return &fault{err: tooMany(time.Second)} },
				func() *fault { return &fault{err: refusal(4003)} },
			}
			w.fault = func(call) *fault {
				if rng.Float64() < 0.5 {
					return bad[rng.IntN(len(bad))]()
				}
				return nil
			}
			for range 3 {
				res := w.apply(t, t.Context(), todo())
				require.Nil(t, res.Stopped)
				for i := range w.apps {
					a := w.apps[i]
					id := strings.TrimPrefix(a.pkg, "cn.example.")
					rec, recorded := w.st.Apps[id]
					_, open := w.st.Pending[id]
					if !a.deleted {
						require.True(t, recorded || open, "%s is on the server, and nobody knows: seed %d", id, seed)
					}
					if recorded {
						require.Equal(t, a.key, rec.AppKey)
					}
				}
			}
			w.fault = nil
			last := w.apply(t, t.Context(), todo())
			require.True(t, last.Complete(), "%+v", last.Failures)
			require.Empty(t, todo().Actions)
			require.Empty(t, w.st.Pending)
			require.Len(t, w.st.Apps, 40)
			for id, app := range w.st.Apps {
				require.Equal(t, 1, w.alive("cn.example."+id))
				require.False(t, app.Adopted, id)
			}
			for id := range gone {
				require.Zero(t, w.alive("cn.example."+id))
			}
		})
	}
}
