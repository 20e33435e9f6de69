package executor

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
	"jpsync/planner"
	"jpsync/state"
)

// troubles are the ways in which an answer gets lost, or is none. With committed, the server
// has done what was asked all the same.
var troubles = []string{
	"lost", "drop", "hang", "hang:committed", "html502", "html502:committed", "cutjson", "slowheaders",
	"endless", "endless:committed", "hugebody:committed", "gzipbomb", "gzipbomb:committed", "wrongtypes:committed",
	"429:retry-after=1", "500", "503", "503:committed", "504:committed", "code10",
}

// inStep holds the server against the state: each app once, under its recorded key, and none
// of them adopted.
func (l *lab) inStep(t *testing.T, st *state.State, n int) {
	t.Helper()
	require.Len(t, st.Apps, n)
	require.Empty(t, st.Pending)
	keys := map[string]bool{}
	for id, app := range st.Apps {
		require.False(t, app.Adopted, "%s is ours", id)
		keys[app.AppKey] = true
	}
	for name, count := range l.live() {
		require.Equal(t, 1, count, "%s is there %d times", name, count)
	}
	for _, app := range l.server.Apps() {
		require.True(t, app.Deleted || keys[app.AppKey], "the key of %s is lost", app.AndroidPackage)
	}
}

func (l *lab) trouble(t *testing.T, texts ...string) {
	t.Helper()
	list := make([]sandbox.Fault, len(texts))
	for i, text := range texts {
		var err error
		list[i], err = sandbox.ParseFault(text)
		require.NoError(t, err)
	}
	require.NoError(t, l.server.SetFaults(list...))
}

// dismantle plans the deletion of the apps from the nth on.
func dismantle(n int) func(*state.State) *planner.Plan {
	return func(st *state.State) *planner.Plan {
		p := &planner.Plan{}
		for i := n; i < 100; i++ {
			id := fmt.Sprintf("a%03d", i)
			if app, ok := st.Apps[id]; ok {
				p.Changes = append(p.Changes, remove(id, app.AppKey, planner.Removed))
			}
		}
		return p
	}
}

// TestEveryTroubleInEveryPlace meets each trouble alone: with each operation, at the first
// request, in the middle and at the last.
func TestEveryTroubleInEveryPlace(t *testing.T) {
	const apps, kept = 6, 3
	met := 0
	for _, trouble := range troubles {
		for _, op := range []string{jpush.OpCreate, jpush.OpUpload, jpush.OpDelete} {
			for _, name := range []string{"*", "*a000", "*a005", "*a003"} {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, sandbox.Options{})
					l.opts.Parallelism = 2
					l.trouble(t, fmt.Sprintf("%s:%s:name=%s:first=1", trouble, op, name))
					_, st := l.apply(t, onboard(apps))
					require.Len(t, st.Apps, apps)
					_, st = l.apply(t, dismantle(kept))
					met += l.server.Counts().Faults
					l.inStep(t, st, kept)
				})
			}
		}
	}
	t.Logf("%d troubles met, 0 answers lost, 0 duplicates", met)
	require.Greater(t, met, len(troubles)*3*3)
}

// TestMixedTroubles lets several troubles happen by chance at once, run after run, and then
// none: one calm run brings everything in step.
func TestMixedTroubles(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, round))
			l := newLab(t, sandbox.Options{})
			l.opts.Parallelism = 1 + rng.IntN(12)
			l.opts.MaxAttempts = 1 + rng.IntN(4)
			var history []string
			for range 3 {
				var mix []string
				for range 1 + rng.IntN(5) {
					mix = append(mix, fmt.Sprintf("%s:prob=%.2f", troubles[rng.IntN(len(troubles))], 0.01+0.4*rng.Float64()))
				}
				history = append(history, strings.Join(mix, " "))
				l.trouble(t, mix...)
				l.apply(t, onboard(20))
				l.apply(t, dismantle(15))
			}
			l.trouble(t)
			l.opts.MaxAttempts = 5
			_, st := l.apply(t, onboard(20))
			require.Len(t, st.Apps, 20, "round %d: %v", round, history)
			_, st = l.apply(t, dismantle(15))
			l.inStep(t, st, 15)
		})
	}
}
