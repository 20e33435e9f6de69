package statetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"jpsync/state"
	"jpsync/state/shared"
)

// Distant is a place whose answers take some time. It counts how many calls run side by side.
type Distant struct {
	shared.Place
	Latency time.Duration

	calls, now, most atomic.Int64
}

// Calls is how many calls there were, Most how many of them ran side by side.
func (d *Distant) Calls() int { return int(d.calls.Load()) }
func (d *Distant) Most() int  { return int(d.most.Load()) }

func (d *Distant) wait() {
	d.calls.Add(1)
	now := d.now.Add(1)
	defer d.now.Add(-1)
	for most := d.most.Load(); now > most && !d.most.CompareAndSwap(most, now); most = d.most.Load() {
	}
	time.Sleep(d.Latency)
}

// Create implements [shared.Place].
func (d *Distant) Create(ctx context.Context, name string, body []byte) error {
	d.wait()
	return d.Place.Create(ctx, name, body)
}

// List implements [shared.Place].
func (d *Distant) List(ctx context.Context, prefix, after string) ([]shared.Entry, time.Time, error) {
	d.wait()
	return d.Place.List(ctx, prefix, after)
}

// Read implements [shared.Place].
func (d *Distant) Read(ctx context.Context, name string) ([]byte, error) {
	d.wait()
	return d.Place.Read(ctx, name)
}

// Remove implements [shared.Place].
func (d *Distant) Remove(ctx context.Context, names ...string) error {
	d.wait()
	return d.Place.Remove(ctx, names...)
}

// Apply creates apps as an executor does: each worker appends the intent of its next app
// while the request of the present one is under way, and reports a result once it is durable.
func Apply(t testing.TB, run *state.Run, apps, workers int, request func() time.Duration) {
	t.Helper()
	require.NoError(t, run.Bind("https://admin.jpush.cn/v1/", "account"))
	require.NoError(t, run.Start(t.Context()))
	var next atomic.Int64
	take := func() (id string, intent func() error) {
		n := next.Add(1)
		if n > int64(apps) {
			return "", nil
		}
		id = fmt.Sprintf("app-%04d", n)
		return id, run.Append(state.Record{ID: id, Intent: &state.Intent{Op: state.OpCreate, AppName: id, AndroidPackage: "cn.example." + id}})
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			id, intent := take()
			for id != "" {
				if err := intent(); err != nil {
					t.Error(err)
					return
				}
				nextID, nextIntent := take()
				time.Sleep(request())
				if err := run.Append(created(id))(); err != nil {
					t.Error(err)
					return
				}
				id, intent = nextID, nextIntent
			}
		})
	}
	group.Wait()
}

// TestCost checks what an apply of a thousand apps costs on a place in memory that is 10 ms
// away, with requests of 50 ms or so, in virtual time.
func TestCost(t *testing.T) {
	const apps, workers = 1000, 64
	place := &Distant{Place: shared.NewMemory(), Latency: 10 * time.Millisecond}
	store := sharedStore(t, place)
	began := time.Now()
	run, err := state.Begin(t.Context(), store, state.Options{})
	require.NoError(t, err)
	Apply(t, run, apps, workers, func() time.Duration { return 40*time.Millisecond + rand.N(20*time.Millisecond) })
	require.NoError(t, run.Finish(t.Context()))
	took := time.Since(began)
	t.Logf("%d apps at %d at a time: %d calls to the store, %s", apps, workers, place.Calls(), took.Round(time.Millisecond))
	require.LessOrEqual(t, place.Calls(), 100)
	require.Len(t, load(t, place.Place).Apps, apps)
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
