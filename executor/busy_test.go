package executor

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

// One 429 holds everybody back for as long as the service asks, and then a single request
// tries before the others follow.
func TestTooManyRequestsSlowsTheWholeRun(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  *jpush.Error
	}{
		{"429 with Retry-After", tooMany(30 * time.Second)},
		{"503 with Retry-After", &jpush.Error{Status: http.StatusServiceUnavailable, Class: jpush.ClassLost, Sent: true, RetryAfter: 30 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.opts.Parallelism = 8
				w.latency = 100 * time.Millisecond
				w.fault = func(c call) *fault {
					if c.n == 17 {
						return &fault{err: tt.err}
					}
					return nil
				}
				res := w.apply(t, t.Context(), creates(100))
				require.True(t, res.Complete())
				shut := w.calls[16].ended
				open := shut.Add(30 * time.Second)
				after := map[int]int{} // requests by the 100 ms in which they started
				for _, c := range w.calls {
					require.False(t, c.started.After(shut) && c.started.Before(open), "started while the gate was shut")
					if !c.started.Before(open) {
						after[int(c.started.Sub(open)/w.latency)]++
					}
				}
				require.Equal(t, 1, after[0], "one tries the water")
				require.Equal(t, 2, after[1])
				require.LessOrEqual(t, after[2], 4)
				require.NotEmpty(t, res.Steps)
				for _, e := range w.events {
					if e.Type == Retry {
						require.Equal(t, 30*time.Second+250*time.Millisecond, e.Delay, "what was asked for, and the jitter")
					}
				}
			})
		})
	}
}

func TestTooManyRequestsWithoutATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.latency = time.Millisecond
		w.fault = func(c call) *fault {
			if c.n == 1 {
				return &fault{err: tooMany(0)}
			}
			return nil
		}
		require.True(t, w.apply(t, t.Context(), creates(20)).Complete())
		shut := w.calls[0].ended
		late := 0
		for _, c := range w.calls {
			if c.started.After(shut) {
				late++
				require.GreaterOrEqual(t, c.started.Sub(shut), 250*time.Millisecond, "the jittered pause is everybody's")
			}
		}
		require.Greater(t, late, 10)
	})
}
