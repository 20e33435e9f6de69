package statetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/shared"
)

// distant is a place whose answers take 10 ms.
func distant(place shared.Place) *Hooked {
	return &Hooked{Place: place, Hook: func(ctx context.Context, _ Call, do func(context.Context) error) error {
		time.Sleep(10 * time.Millisecond)
		return do(ctx)
	}}
}

// apply creates apps as an executor does: each worker appends the intent of its next app
// while the request of the present one is under way, and reports a result once it is durable.
func apply(t testing.TB, run *state.Run, apps, workers int, request func() time.Duration) {
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
func TestCost(t *testing.T) { synctest.Test(t, testCost) }

func testCost(t *testing.T) {
	const apps, workers = 1000, 64
	place := distant(shared.NewMemory())
	store := sharedStore(t, place)
	began := time.Now()
	run, err := state.Begin(t.Context(), store, state.Options{})
	require.NoError(t, err)
	apply(t, run, apps, workers, func() time.Duration { return 40*time.Millisecond + rand.N(20*time.Millisecond) })
	require.NoError(t, run.Finish(t.Context()))
	took := time.Since(began)
	t.Logf("%d apps at %d at a time: %d calls to the store, %s", apps, workers, place.Calls(), took.Round(time.Millisecond))
	require.LessOrEqual(t, place.Calls(), 100)
	require.Len(t, load(t, place.Place).Apps, apps)
}

func TestLoadingReadsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := shared.NewMemory()
		LongLog(t, memory, 3000)
		var mu sync.Mutex
		now, most := 0, 0
		change := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			now += by
			most = max(most, now)
		}
		place := &Hooked{Place: distant(memory), Hook: func(ctx context.Context, _ Call, do func(context.Context) error) error {
			change(+1)
			defer change(-1)
			return do(ctx)
		}}
		began := time.Now()
		require.Len(t, load(t, place).Apps, 2997)
		require.Equal(t, 32, most)
		require.LessOrEqual(t, time.Since(began), 1200*time.Millisecond)
	})
}
