package executor

import (
	"context"
	"fmt"
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
		open      map[string]state.Intent // afterwards
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
		{name: "another package was left open", pending: map[string]state.Intent{"shop": intentFor("shop", "cn.example.other")}, outcome: Adopted, adopted: true, protected: true, note: "look for that app in the console",
			open: map[string]state.Intent{"cn.example.other": intentFor("shop", "cn.example.other")}},
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
				require.Len(t, w.st.Pending, len(tt.open))
				for id, in := range tt.open {
					require.Equal(t, in, w.st.Pending[id])
				}
				if tt.outcome == Failed {
					require.ErrorContains(t, s.Err, existing.key)
					require.ErrorContains(t, s.Err, "jpsync import shop "+existing.key+" -m other.yaml")
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

// However often an id gets another package, every create that was never answered stays known, and its
// app is ours once its package is in the manifest again.
func TestUnansweredCreatesOfOneID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.MaxAttempts = 1
		losing := true
		w.fault = func(call) *fault {
			if losing {
				return &fault{err: lost(), commit: true}
			}
			return nil
		}
		shop := func(pkg string) planner.Change {
			c := create("shop")
			c.AndroidPackage = pkg
			return c
		}
		for _, pkg := range []string{"cn.one", "cn.two", "cn.three"} {
			require.Equal(t, Unknown, w.apply(t, t.Context(), plan(shop(pkg))).Steps[0].Outcome)
		}
		require.Equal(t, map[string]string{"cn.one": "cn.one", "cn.two": "cn.two", "shop": "cn.three"}, packages(w.st.Pending))
		losing = false
		s := w.apply(t, t.Context(), plan(shop("cn.four"))).Steps[0]
		require.Equal(t, Created, s.Outcome)
		require.Contains(t, s.Note, "cn.three and was never answered")
		again := create("again")
		again.AndroidPackage = "cn.two"
		res := w.apply(t, t.Context(), plan(again))
		require.Equal(t, Created, res.Steps[0].Outcome)
		require.Equal(t, map[string]string{"cn.one": "cn.one", "cn.three": "cn.three"}, packages(w.st.Pending))
	})
}

func packages(pending map[string]state.Intent) map[string]string {
	all := map[string]string{}
	for id, in := range pending {
		all[id] = in.AndroidPackage
	}
	return all
}

// Two ids that swap their packages after their creates were lost: each settles the other's.
func TestSwappedPackagesAfterLostAnswers(t *testing.T) {
	for _, parallelism := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.opts.Parallelism = parallelism
			w.latency = time.Millisecond
			w.add("app x", "cn.example.x")
			w.add("app y", "cn.example.y")
			w.st.Pending["x"], w.st.Pending["y"] = intentFor("x", "cn.example.y"), intentFor("y", "cn.example.x")
			for _, s := range w.apply(t, t.Context(), plan(create("x"), create("y"))).Steps {
				require.Equal(t, Created, s.Outcome)
				require.NotContains(t, s.Note, "console", "nothing is left to look for")
			}
			require.Empty(t, w.st.Pending)
		})
	}
}

// A create that was never answered is settled by another id's create of the same package, also when its
// own id's next create is refused, or comes in a later run.
func TestWhatAnotherIDSettledIsNotOpenAgain(t *testing.T) {
	for name, refused := range map[string]bool{"in the same run": true, "in a later run": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.opts.Parallelism = 1
				w.st.Pending["y"] = intentFor("y", "cn.example.x")
				w.fault = func(c call) *fault {
					if refused && c.target == "cn.example.y" {
						return &fault{err: refusal(4003)}
					}
					return nil
				}
				if refused {
					w.apply(t, t.Context(), plan(create("x"), create("y")))
				} else {
					w.have("x")
					res := w.apply(t, t.Context(), plan(create("y")))
					require.NotContains(t, res.Steps[0].Note, "console")
				}
				require.Empty(t, w.st.Pending)
			})
		})
	}
}

// The id of what is set aside is nobody else's.
func TestTheIDOfWhatIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.have("cn.one")
		w.st.Pending["cn.one.2"] = intentFor("cn.one.2", "cn.else")
		w.st.Pending["shop"] = intentFor("shop", "cn.one")
		w.apply(t, t.Context(), plan(create("cn.one.3"), create("shop")))
		require.Equal(t, map[string]string{"cn.one.2": "cn.else", "cn.one.4": "cn.one"}, packages(w.st.Pending))
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
		require.Less(t, w.diary.at(t, "commit intent delete shop"), w.diary.at(t, "send delete "+key), "the result has no app key")
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
			require.ErrorContains(t, s.Err, fmt.Sprintf("jpsync state mv %s %s -m other.yaml", other, s.App))
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
