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
	"jpsync/planner"
	"jpsync/state"
)

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
			w.journal.commitTakes = time.Duration(seed%4) * time.Millisecond
			gone := map[string]string{}
			for i := range 10 {
				id := fmt.Sprintf("gone%d", i)
				gone[id] = w.have(id)
			}
			due := func() *planner.Plan {
				p := &planner.Plan{}
				for i := range 40 {
					id := fmt.Sprintf("a%d", i)
					app, ok := w.st.Apps[id]
					if !ok {
						p.Changes = append(p.Changes, create(id))
					}
					if app.Certificates.Production == (state.Certificate{}) {
						p.Changes = append(p.Changes, upload(id, jpush.Production))
					}
				}
				for i := range 10 {
					id := fmt.Sprintf("gone%d", i)
					if _, ok := w.st.Apps[id]; ok {
						p.Changes = append(p.Changes, remove(id, gone[id], planner.Removed))
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
				res := w.apply(t, t.Context(), due())
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
			last := w.apply(t, t.Context(), due())
			require.True(t, last.Complete(), "%+v", last.Failures)
			require.Empty(t, due().Changes)
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
