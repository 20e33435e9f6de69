package executor

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
	"jpsync/planner"
	"jpsync/state"
)

// lab is the real client before a simulated server, with the real journal behind.
type lab struct {
	server *sandbox.Server
	store  *state.File
	opts   Options
	events []Event
}

func newLab(t *testing.T, o sandbox.Options) *lab {
	t.Helper()
	o.KeepRequests = true
	o.Seed = 7
	if o.CheckCertificate == nil {
		o.CheckCertificate = func([]byte, string) error { return nil }
	}
	server, err := sandbox.New(o)
	require.NoError(t, err)
	client, err := jpush.New(jpush.Options{
		Endpoint: sandbox.Endpoint, DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret,
		Transport: sandbox.Transport(server), MaxConns: 64,
	})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	l := &lab{server: server, store: state.NewFile(filepath.Join(t.TempDir(), "jpsync.state.json"), state.OS{})}
	l.opts = Options{
		API: client, Certificates: files{}, Parallelism: 8, MaxAttempts: 5,
		OnEvent: func(e Event) { l.events = append(l.events, e) },
	}
	return l
}

// apply is one run: it takes the lock, applies what due makes of the state, and saves.
func (l *lab) apply(t *testing.T, due func(*state.State) *planner.Plan) (*Result, *state.State) {
	t.Helper()
	run, err := state.Begin(t.Context(), l.store, state.Options{Holder: state.Self("test", time.Now())})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.Bind(sandbox.Endpoint, sandbox.DevKey))
	l.opts.Journal = run
	st := run.State()
	res, err := Apply(t.Context(), due(st), st, l.opts)
	require.NoError(t, err)
	require.NoError(t, run.Finish(t.Context()))
	saved, err := l.store.Load(t.Context())
	require.NoError(t, err)
	return res, saved
}

// onboard plans n apps with a production certificate each, as far as they are missing.
func onboard(n int) func(*state.State) *planner.Plan {
	return func(st *state.State) *planner.Plan {
		p := &planner.Plan{}
		for i := range n {
			id := fmt.Sprintf("a%03d", i)
			app, ok := st.Apps[id]
			if !ok {
				p.Changes = append(p.Changes, create(id))
			}
			if app.Certificates.Production == (state.Certificate{}) {
				p.Changes = append(p.Changes, upload(id, jpush.Production))
			}
		}
		return p
	}
}

// live counts the apps by package.
func (l *lab) live() map[string]int {
	n := make(map[string]int)
	for _, a := range l.server.Apps() {
		if !a.Deleted {
			n[a.AndroidPackage]++
		}
	}
	return n
}

func TestSandboxThreeAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, sandbox.Options{Faults: []sandbox.Fault{
			{Kind: sandbox.Latency, Delay: 5 * time.Millisecond}, {Kind: sandbox.Code, Code: 10, First: 2},
		}})
		res, saved := l.apply(t, onboard(20))
		require.True(t, res.Complete(), "%+v", res.Failures)
		require.Equal(t, sandbox.Counts{Requests: 120, Creates: 60, Uploads: 60, MaxRunning: 8, Faults: 80}, l.server.Counts())
		require.Equal(t, Counts{Created: 20, Uploaded: 20, Requests: 120}, res.Counts)
		require.Len(t, saved.Apps, 20)
		require.Empty(t, saved.Pending)
		for _, s := range res.Steps {
			require.Empty(t, s.Note)
		}
	})
}

// An answer that gets lost after the server did what it was asked.
func TestSandboxLostAnswers(t *testing.T) {
	for _, kind := range []sandbox.Kind{sandbox.Lost, sandbox.CutJSON, sandbox.HugeBody, sandbox.Hang, sandbox.HTML, sandbox.Status} {
		for _, identity := range []sandbox.Identity{sandbox.ByPackage, sandbox.CreateAlways} {
			t.Run(fmt.Sprintf("%s %s", kind, identity), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := sandbox.Fault{Kind: kind, Op: jpush.OpCreate, First: 1, Committed: true}
					if kind == sandbox.Status {
						f.Code = 503
					}
					l := newLab(t, sandbox.Options{Identity: identity, Faults: []sandbox.Fault{f}})
					res, saved := l.apply(t, onboard(10))
					require.True(t, res.Complete(), "%+v", res.Failures)
					require.Equal(t, 10, res.Counts.Created)
					keys := make(map[string]bool)
					for _, app := range saved.Apps {
						require.False(t, app.Adopted)
						keys[app.AppKey] = true
					}
					require.Len(t, keys, 10)
					for id := range saved.Apps {
						s := step(t, res, planner.Create, id)
						n := l.live()["cn.example."+id]
						if identity == sandbox.ByPackage {
							require.Equal(t, 1, n, "no duplicate")
							require.Contains(t, s.Note, "made by an earlier attempt")
						} else {
							require.Equal(t, 2, n)
							require.Contains(t, s.Note, "may have made a second app", "never a silent one")
						}
					}
				})
			})
		}
	}
}

// The answer is lost to the end, and the next run finds its own app, not somebody else's.
func TestSandboxTheNextRunSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, sandbox.Options{Faults: []sandbox.Fault{
			{Kind: sandbox.Lost, Op: jpush.OpCreate, Name: "app a00[0-4]"},
			{Kind: sandbox.Hang, Op: jpush.OpCreate, Name: "app a005", Committed: true},
		}})
		require.NoError(t, l.server.Preload(sandbox.App{Name: "app a009", AndroidPackage: "cn.example.a009"}))
		l.opts.MaxAttempts = 2
		res, saved := l.apply(t, onboard(10))
		require.Equal(t, Counts{Created: 3, Adopted: 1, Uploaded: 4, Failed: 6, NotStarted: 6, Requests: 20}, res.Counts)
		require.Len(t, saved.Pending, 6)
		require.NoError(t, l.server.SetFaults())
		res, saved = l.apply(t, onboard(10))
		require.Equal(t, Counts{Created: 6, Uploaded: 6, Requests: 12}, res.Counts)
		require.Empty(t, saved.Pending)
		for id, app := range saved.Apps {
			require.Equal(t, id == "a009", app.Adopted)
			require.Equal(t, 1, l.live()[app.AndroidPackage])
		}
		serial := saved.Serial
		res, saved = l.apply(t, onboard(10))
		require.False(t, res.Changed())
		require.Equal(t, serial, saved.Serial, "nothing to do leaves the state alone")
	})
}

func TestSandboxRefusedCredentials(t *testing.T) {
	for _, code := range []int{4004, 4005, 4006, 4007} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const from = 50
				l := newLab(t, sandbox.Options{Faults: []sandbox.Fault{
					{Kind: sandbox.Latency, Delay: 20 * time.Millisecond, Every: 3},
					{Kind: sandbox.Latency, Delay: 5 * time.Millisecond},
					{Kind: sandbox.Auth, Code: code, From: from, Times: 1},
				}})
				res, saved := l.apply(t, onboard(1000))
				require.Equal(t, StopAuth, res.Stopped.Reason)
				requests := l.server.Requests()
				i := slices.IndexFunc(requests, func(q sandbox.Request) bool { return q.Status == 401 })
				require.Equal(t, from-1, i)
				inFlight := 0
				for _, q := range requests {
					if q.Started < requests[i].Ended && q.Ended > requests[i].Ended {
						inFlight++
					}
				}
				require.NotZero(t, inFlight)
				require.LessOrEqual(t, len(requests), from-1+8, "nothing starts after the refusal")
				require.Len(t, saved.Apps, len(l.server.Apps()), "what was in flight is recorded")
				require.Empty(t, saved.Pending)
			})
		})
	}
}

// A service that takes 50 requests per second is used at about that, without a storm.
func TestSandboxRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, sandbox.Options{Faults: []sandbox.Fault{
			{Kind: sandbox.Latency, Delay: 50 * time.Millisecond},
			{Kind: sandbox.Rate, PerSecond: 50, RetryAfter: 1},
		}})
		l.opts.Parallelism = 32
		res, _ := l.apply(t, onboard(500))
		require.True(t, res.Complete(), "%+v", res.Failures)
		busy := 0
		for _, q := range l.server.Requests() {
			if q.Status == 429 {
				busy++
			}
		}
		require.NotZero(t, busy)
		require.Less(t, busy, 200, "of 1,000 requests")
	})
}

func TestSandboxBadCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, sandbox.Options{CheckCertificate: func(data []byte, password string) error {
			if string(data) == "fp-a001" || password != canary {
				return errors.New("broken")
			}
			return nil
		}})
		res, saved := l.apply(t, onboard(3))
		require.Equal(t, Counts{Created: 3, Uploaded: 2, Failed: 1, Requests: 6}, res.Counts)
		require.Equal(t, 1012, res.Failures[0].Code)
		require.Contains(t, res.Failures[0].Message(), "jpsync saw one for")
		require.NotEmpty(t, res.Failures[0].Remedy)
		require.NotEmpty(t, res.Failures[0].Remedy)
		require.Zero(t, saved.Apps["a001"].Certificates)
		require.NotContains(t, fmt.Sprintf("%+v %+v", res, l.events), canary)
	})
}

// The service goes away altogether.
func TestSandboxOutage(t *testing.T) {
	for _, kind := range []sandbox.Kind{sandbox.Drop, sandbox.HTML, sandbox.Hang} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, sandbox.Options{Faults: []sandbox.Fault{{Kind: kind, From: 101}}})
				res, saved := l.apply(t, onboard(2000))
				require.Equal(t, StopOutage, res.Stopped.Reason)
				// The last good answers may come in after the first bad ones.
				require.LessOrEqual(t, l.server.Counts().Requests, 100+8+100+8)
				require.Len(t, saved.Apps, res.Counts.Created)
				unknown := 0
				for _, s := range res.Steps {
					if s.Outcome == Unknown && s.Change.Action == planner.Create {
						unknown++
					}
				}
				require.Len(t, saved.Pending, unknown)
			})
		})
	}
}
