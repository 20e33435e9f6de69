package executor

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/planner"
)

// A defect in one worker stops the run and costs no answer of the others.
func TestAPanicStopsTheRun(t *testing.T) {
	const secret = "master-secret-canary"
	tests := []struct {
		name    string
		setup   func(w *world)
		value   string
		outcome Outcome
		pending bool
	}{
		{"in the API", func(w *world) {
			w.fault = func(c call) *fault {
				if c.target == "cn.example.a00005" {
					return &fault{commit: true, panics: secret}
				}
				return nil
			}
		}, "a value of type string", Unknown, true},
		{"of the runtime, in the API", func(w *world) {
			w.fault = func(c call) *fault {
				if c.target == "cn.example.a00005" {
					var m map[string]int
					m["x"] = 1 //lint:ignore SA5000 the panic is what is tested
				}
				return nil
			}
		}, "assignment to entry in nil map", Unknown, true},
		{"in the certificates", func(w *world) {
			w.opts.Certificates = files{panics: errors.New(secret)}
		}, "a value of type *errors.errorString", Failed, false},
		{"in the listener", func(w *world) {
			tell := w.opts.OnEvent
			n := 0
			w.opts.OnEvent = func(e Event) {
				tell(e)
				if n++; n == 5 {
					panic(errors.New(secret))
				}
			}
		}, "a value of type *errors.errorString", "", false},
		{"in the journal", func(w *world) {
			w.journal.panics = 30
		}, "a value of type []int", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.latency = time.Millisecond
				tt.setup(w)
				p := creates(200)
				p.Changes = append(p.Changes[:5], append([]planner.Change{p.Changes[5], upload("a00005", jpush.Production)}, p.Changes[6:]...)...)
				res := w.apply(t, t.Context(), p)
				require.Equal(t, StopPanic, res.Stopped.Reason)
				var caught *PanicError
				require.ErrorAs(t, res.Stopped.Err, &caught)
				require.Contains(t, caught.Value, tt.value)
				require.NotEmpty(t, caught.Stack)
				require.Contains(t, strings.Join(caught.Stack, " "), "jpsync/executor.")
				require.NotContains(t, fmt.Sprintf("%v %+v %+v", res.Stopped.Err, res, w.events), secret)
				require.NotZero(t, res.Counts.NotStarted)
				if tt.outcome != "" {
					i := 5
					if tt.outcome == Failed {
						i = 6
					}
					require.Equal(t, tt.outcome, res.Steps[i].Outcome)
					_, pending := w.st.Pending["a00005"]
					require.Equal(t, tt.pending, pending)
				}
				for _, a := range w.apps {
					id := strings.TrimPrefix(a.pkg, "cn.example.")
					_, recorded := w.st.Apps[id]
					_, open := w.st.Pending[id]
					require.True(t, recorded || open, "%s got lost", id)
				}
			})
		})
	}
}
