package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
	"jpsync/state"
	"jpsync/state/shared"
)

const testLease = 10 * time.Second

// link is a way to a place that takes time, and that can be cut.
type link struct {
	shared.Place
	latency time.Duration

	mu     sync.Mutex
	calls  map[string]int
	from   time.Time // cut from here
	until  time.Time // to here
	silent bool      // a cut keeps the answers back alone
	cutAt  int       // the call, from 1, at which the cut begins
}

func (l *link) do(ctx context.Context, call string, do func() error) error {
	l.mu.Lock()
	if l.calls == nil {
		l.calls = map[string]int{}
	}
	l.calls[call]++
	if l.all() == l.cutAt {
		l.from = time.Now()
	}
	now := time.Now()
	cut, wait := !now.Before(l.from) && now.Before(l.until), l.until.Sub(now)
	l.mu.Unlock()
	if cut && l.silent {
		_ = do()
	}
	if cut {
		select {
		case <-time.After(wait):
			return &shared.UnavailableError{Err: errors.New("connection reset")}
		case <-ctx.Done():
			return &shared.UnavailableError{Err: ctx.Err()}
		}
	}
	time.Sleep(l.latency / 2)
	err := do()
	time.Sleep(l.latency / 2)
	return err
}

func (l *link) Create(ctx context.Context, name string, body []byte) error {
	return l.do(ctx, "create", func() error { return l.Place.Create(ctx, name, body) })
}

func (l *link) List(ctx context.Context, prefix, after string) (entries []shared.Entry, clock time.Time, err error) {
	err = l.do(ctx, "list", func() (err error) { entries, clock, err = l.Place.List(ctx, prefix, after); return err })
	return entries, clock, err
}

func (l *link) Read(ctx context.Context, name string) (body []byte, err error) {
	err = l.do(ctx, "read", func() (err error) { body, err = l.Place.Read(ctx, name); return err })
	return body, err
}

func (l *link) Remove(ctx context.Context, names ...string) error {
	return l.do(ctx, "remove", func() error { return l.Place.Remove(ctx, names...) })
}

func (l *link) all() (n int) {
	for _, c := range l.calls {
		n += c
	}
	return n
}

func sharedStore(t *testing.T, place shared.Place) *shared.Store {
	t.Helper()
	s, err := shared.New(place, testLease)
	require.NoError(t, err)
	return s
}

// runner is one machine that applies.
type runner struct {
	api  API
	link *link
	run  *state.Run
	sent []time.Time // when requests started
	over time.Time   // when the last one ended
	left []time.Duration
	res  *Result
	took time.Duration
	err  error // of Finish
}

func newRunner(api API, place shared.Place) *runner {
	return &runner{api: api, link: &link{Place: place, latency: 10 * time.Millisecond}}
}

// sentInTime checks that no request started without time left on the lease. The lock may be
// lost in the very moment in which one starts, and never later.
func (r *runner) sentInTime(t *testing.T, text string, args ...any) {
	t.Helper()
	var lost time.Time
	for i, left := range r.left {
		if left == 0 && (lost.IsZero() || lost.Equal(r.sent[i])) {
			lost = r.sent[i]
			continue
		}
		require.Greater(t, left, leaseMargin, append([]any{text}, args...)...)
	}
}

// CreateApp notes when requests start, and how much of the lease is left then.
func (r *runner) CreateApp(ctx context.Context, app jpush.App) (jpush.Created, error) {
	r.link.mu.Lock()
	r.sent = append(r.sent, time.Now())
	r.left = append(r.left, r.run.Left())
	r.link.mu.Unlock()
	made, err := r.api.CreateApp(ctx, app)
	r.link.mu.Lock()
	r.over = time.Now()
	r.link.mu.Unlock()
	if !made.IsNew {
		made.MasterSecret = "" // so that a secret whose answer got lost shows
	}
	return made, err
}

func (r *runner) UploadCertificate(ctx context.Context, key string, cert jpush.Certificate) error {
	return r.api.UploadCertificate(ctx, key, cert)
}

func (r *runner) DeleteApp(ctx context.Context, key string) error {
	return r.api.DeleteApp(ctx, key)
}

// apply brings n apps there, with as long a wait for the lock.
func (r *runner) apply(t *testing.T, n, parallelism int, wait time.Duration) {
	t.Helper()
	holder := state.Self("apply", time.Now())
	holder.Wait = wait
	if r.run, r.err = state.Begin(t.Context(), sharedStore(t, r.link), state.Options{Holder: holder}); r.err != nil {
		return
	}
	defer r.run.Close()
	require.NoError(t, r.run.Bind(sandbox.Endpoint, sandbox.DevKey))
	if r.err = r.run.Start(t.Context()); r.err != nil {
		return
	}
	opts := Options{API: r, Journal: r.run, Certificates: files{}, Parallelism: parallelism, MaxAttempts: 5}
	st := r.run.State()
	p := creates(n)
	for i := len(p.Changes) - 1; i >= 0; i-- {
		if _, ok := st.Apps[p.Changes[i].App]; ok {
			p.Changes = append(p.Changes[:i], p.Changes[i+1:]...)
		}
	}
	began := time.Now()
	var err error
	r.res, err = Apply(t.Context(), p, st, opts)
	require.NoError(t, err)
	r.took = time.Since(began)
	r.err = r.run.Finish(t.Context())
}

func slowLab(t *testing.T, o sandbox.Options, latency time.Duration) *lab {
	t.Helper()
	o.Faults = append(o.Faults, sandbox.Fault{Kind: sandbox.Latency, Delay: latency})
	return newLab(t, o)
}

// inStepBut is inStep, but for at most n apps whose master secret is not known.
func (l *lab) inStepBut(t *testing.T, st *state.State, apps, n int) {
	t.Helper()
	l.inStep(t, st, apps)
	unknown := 0
	for _, app := range st.Apps {
		if app.MasterSecret == "" {
			unknown++
		}
	}
	require.LessOrEqual(t, unknown, n, "apps without their master secret")
}

// TestTakeOver ends a run's lease in its middle, as jpsync state unlock does, and lets another
// one go on from what is durable.
func TestTakeOver(t *testing.T) {
	const apps, inFlight = 160, 16
	stopped := 0
	for ms := 55; ms < 650; ms += 17 {
		synctest.Test(t, func(t *testing.T) {
			l := slowLab(t, sandbox.Options{}, 50*time.Millisecond)
			place := shared.NewMemory()
			first, second := newRunner(l.opts.API, place), newRunner(l.opts.API, place)
			var taken time.Time
			var both sync.WaitGroup
			both.Go(func() { first.apply(t, apps, inFlight, 0) })
			both.Go(func() {
				time.Sleep(time.Duration(ms) * time.Millisecond)
				held, err := sharedStore(t, place).Holder(t.Context())
				if err != nil {
					return
				}
				if err := sharedStore(t, place).Unlock(t.Context(), held, state.Self("state unlock", time.Now())); err != nil {
					t.Error(err)
				}
				taken = time.Now()
			})
			both.Wait()
			late := 0
			for _, at := range first.sent {
				if at.After(taken) {
					late++
				}
			}
			require.LessOrEqual(t, late, 2*inFlight, "requests until the next commit")
			second.apply(t, apps, inFlight, 0)
			require.NoError(t, second.err)
			st, err := sharedStore(t, place).Load(t.Context())
			require.NoError(t, err)
			l.inStepBut(t, st, apps, 2*inFlight) // in flight, or on their way to the log
			if first.err == nil {
				return // it was through
			}
			require.ErrorIs(t, first.err, state.ErrFenced)
			if first.res == nil {
				require.Empty(t, first.sent)
				return // it lost the lock before its first request
			}
			unsaved, ok := errors.AsType[*state.SaveError](first.err)
			require.True(t, ok)
			require.Equal(t, first.res.Stopped == nil, unsaved.Journaled, "every answer was durable")
			if first.res.Stopped != nil {
				stoppedByLease(t, first.res)
			}
			stopped++
			l.inStepBut(t, recoverTwice(t, first, place), apps, 0)
		})
	}
	t.Logf("%d runs stopped", stopped)
	require.NotZero(t, stopped)
}

// recoverTwice takes a recovery file into the state, which changes nothing but secrets, and
// nothing at all the second time.
func recoverTwice(t *testing.T, r *runner, place shared.Place) *state.State {
	t.Helper()
	before, err := sharedStore(t, place).Load(t.Context())
	require.NoError(t, err)
	file, err := r.run.WriteRecovery(t.TempDir())
	require.NoError(t, err)
	for range 2 {
		got, err := state.Recover(t.Context(), sharedStore(t, place), state.Options{}, file)
		require.NoError(t, err)
		require.True(t, got.Complete(), "%+v", got.Conflicts)
	}
	after, err := sharedStore(t, place).Load(t.Context())
	require.NoError(t, err)
	for id, app := range after.Apps {
		require.Equal(t, before.Apps[id].AppKey, app.AppKey)
	}
	return after
}

// TestPartition cuts a run off its store, for each length around the lease, while another one
// waits for the lock.
func TestPartition(t *testing.T) {
	const apps, inFlight = 160, 16
	variants := map[string]sandbox.Fault{
		"":                 {},
		"answers dropped":  {},
		"hanging requests": {Kind: sandbox.Hang, Every: 20},
		"a long retry":     {Kind: sandbox.Status, Code: 429, RetryAfter: 11, From: 40, Times: 1},
	}
	stopped, went := 0, 0
	for variant, fault := range variants {
		for cut := time.Duration(0); cut <= testLease+4*time.Second; cut += 700 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				o := sandbox.Options{}
				if fault.Kind != "" {
					o.Faults = []sandbox.Fault{fault}
				}
				l := slowLab(t, o, 900*time.Millisecond)
				place := shared.NewMemory()
				first, second := newRunner(l.opts.API, place), newRunner(l.opts.API, place)
				first.link.from = time.Now().Add(3 * time.Second)
				first.link.until, first.link.silent = first.link.from.Add(cut), variant == "answers dropped"
				var both sync.WaitGroup
				both.Go(func() { first.apply(t, apps, inFlight, 0) })
				both.Go(func() {
					time.Sleep(time.Second)
					second.apply(t, apps, inFlight, time.Hour)
				})
				both.Wait()
				require.NoError(t, second.err)
				first.sentInTime(t, "cut for %s", cut)
				if len(second.sent) > 0 {
					require.True(t, first.over.Before(second.sent[0]), "both sent, cut for %s", cut)
				}
				st, err := sharedStore(t, place).Load(t.Context())
				require.NoError(t, err)
				l.inStepBut(t, st, apps, 2*inFlight) // in flight, or on their way to the log
				if first.res.Stopped == nil {
					require.NoError(t, first.err)
					went++
					return
				}
				stopped++
				stoppedByLease(t, first.res)
				c := first.res.Counts
				require.Equal(t, apps, c.Created+c.Adopted+c.Failed+c.NotStarted)
				if first.err != nil {
					st = recoverTwice(t, first, place)
				}
				l.inStepBut(t, st, apps, 0)
			})
		}
	}
	t.Logf("%d runs stopped, %d went on", stopped, went)
	require.NotZero(t, stopped)
	require.NotZero(t, went)
}

// TestCutAtEachCall cuts a run off its store for ever, at each call in turn. It ends within
// the lease, and what was answered is in the log or in the recovery file.
func TestCutAtEachCall(t *testing.T) {
	const apps, inFlight = 40, 8
	unstarted, unrecorded, unfolded := 0, 0, 0
	for n, cut := 1, true; cut; n++ {
		for _, silent := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				l := slowLab(t, sandbox.Options{}, 50*time.Millisecond)
				place := shared.NewMemory()
				first, second := newRunner(l.opts.API, place), newRunner(l.opts.API, place)
				first.link.from = time.Now().Add(time.Hour)
				first.link.until, first.link.silent, first.link.cutAt = first.link.from.Add(time.Hour), silent, n
				first.apply(t, apps, inFlight, 0)
				took := time.Since(first.link.from)
				cut = first.link.all() >= n
				switch unsaved, ok := errors.AsType[*state.SaveError](first.err); {
				case first.res == nil:
					unstarted++
					require.Error(t, first.err)
					require.Empty(t, first.sent, "nothing was sent")
				case ok && !unsaved.Journaled:
					unrecorded++
					stoppedByLease(t, first.res)
				case ok:
					unfolded++
					require.True(t, first.res.Complete())
				}
				if cut && len(first.sent) > 0 {
					require.Less(t, took, testLease+10*time.Second)
				}
				second.apply(t, apps, inFlight, time.Minute)
				require.NoError(t, second.err)
				st, err := sharedStore(t, place).Load(t.Context())
				require.NoError(t, err)
				l.inStepBut(t, st, apps, 2*inFlight)
				if first.res != nil && first.err != nil {
					if _, ok := errors.AsType[*state.SaveError](first.err); ok {
						st = recoverTwice(t, first, place)
					}
				}
				l.inStepBut(t, st, apps, 0)
			})
		}
	}
	t.Logf("cut off: %d runs before a request, %d with answers to recover, %d before the fold", unstarted, unrecorded, unfolded)
	require.NotZero(t, unstarted)
	require.NotZero(t, unrecorded)
	require.NotZero(t, unfolded)
}

// TestCostOfASharedStore compares an apply on a store 10 ms away with one on a local disk that
// takes no time.
func TestCostOfASharedStore(t *testing.T) {
	for _, tt := range []struct{ apps, inFlight int }{{160, 16}, {1000, 16}, {1000, 64}} {
		for _, jitter := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d apps, %d at a time, %v", tt.apps, tt.inFlight, jitter), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					takes := func(call) time.Duration { return 50 * time.Millisecond }
					if jitter {
						takes = func(c call) time.Duration { return time.Duration(25+37*c.n%50) * time.Millisecond }
					}
					w := newWorld()
					w.takes, w.opts.Parallelism = takes, tt.inFlight
					began := time.Now()
					w.apply(t, t.Context(), creates(tt.apps))
					local := time.Since(began)

					w = newWorld()
					w.takes = takes
					r := newRunner(w.server, shared.NewMemory())
					began = time.Now()
					r.apply(t, tt.apps, tt.inFlight, 0)
					whole := time.Since(began)
					require.NoError(t, r.err)
					ratio := float64(r.took) / float64(local)
					t.Logf("local %s, shared %s (%.3f), with lock and fold %s; %d calls: %v", local, r.took, ratio, whole, r.link.all(), r.link.calls)
					require.LessOrEqual(t, ratio, 1.15)
					require.Less(t, whole-local, 150*time.Millisecond)
					if tt.inFlight == 64 {
						require.LessOrEqual(t, r.link.all(), 100)
					}
				})
			})
		}
	}
}
