package executor

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/planner"
)

// A create and a delete are on disk as intents before they are sent, and their results are
// on disk before anybody hears of them.
func TestWritingComesFirst(t *testing.T) {
	for _, parallelism := range []int{1, 4, 64} {
		t.Run(fmt.Sprint(parallelism), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.opts.Parallelism = parallelism
				w.latency = 3 * time.Millisecond
				w.journal.commitTakes = 7 * time.Millisecond
				p := creates(100)
				for i := range 20 {
					id := fmt.Sprintf("gone%d", i)
					p.Changes = append(p.Changes, remove(id, w.have(id), planner.Removed))
				}
				for i := range 10 {
					id := fmt.Sprintf("swap%d", i)
					p.Changes = append(p.Changes, remove(id, w.have(id), planner.Replace), create(id))
				}
				res := w.apply(t, t.Context(), p)
				require.True(t, res.Complete(), "%+v", res.Failures)
				for _, c := range p.Changes {
					target := c.AndroidPackage
					if c.Action == planner.Delete {
						target = c.AppKey
					}
					at := func(line string) int { return w.diary.at(t, fmt.Sprintf(line, c.Action, c.App)) }
					sent := w.diary.at(t, fmt.Sprintf("send %s %s", c.Action, target))
					require.Less(t, at("commit intent %s %s"), sent, "%s of %s was sent before its intent was on disk", c.Action, c.App)
					require.Less(t, sent, at("append result %s %s"))
					require.Less(t, at("commit result %s %s"), at("event apply_complete %s %s"), "told before it was on disk")
				}
			})
		})
	}
}

// The journal is as far away as a bucket. Its latency is hidden behind the requests: the
// intent of the next app becomes durable while the present one is in flight.
func TestTheJournalsLatencyIsHidden(t *testing.T) {
	const apps = 1600
	took := func(commitTakes time.Duration) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.opts.Parallelism = 16
			w.latency = 50 * time.Millisecond
			w.journal.commitTakes = commitTakes
			began := time.Now()
			require.True(t, w.apply(t, t.Context(), creates(apps)).Complete())
			took = time.Since(began)
			require.Equal(t, 16, w.most)
		})
		return took
	}
	near, far := took(0), took(10*time.Millisecond)
	ratio := far.Seconds() / near.Seconds()
	t.Logf("%v with a journal without latency, %v with one of 10ms: %.3f", near, far, ratio)
	require.LessOrEqual(t, ratio, 1.02)
}

// A worker is never ahead by more than one app, so a kill leaves few intents behind that were
// not sent: with every worker waiting for its answer, there is at most one more for each.
func TestOneIntentAheadForEachWorker(t *testing.T) {
	for _, parallelism := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.opts.Parallelism = parallelism
			w.latency = 10 * time.Millisecond
			done := make(chan struct{})
			go func() {
				defer close(done)
				w.apply(t, t.Context(), creates(10*parallelism))
			}()
			for range 9 {
				time.Sleep(w.latency / 2)
				synctest.Wait()
				ahead := w.diary.count("append intent") - w.diary.count("send")
				require.Positive(t, ahead)
				require.LessOrEqual(t, ahead, parallelism)
				time.Sleep(w.latency / 2)
			}
			<-done
		})
	}
}

// An intent says that the request may go out from now on, retries included. Only a worker
// that stops takes it back.
func TestWhatIsJournaledOfACreate(t *testing.T) {
	for name, tt := range map[string]struct {
		err  *jpush.Error // of the first attempt
		stop bool         // while it waits for the second
		want []string
	}{
		"made":               {nil, false, []string{"intent create shop", "result create shop"}},
		"busy":               {tooMany(time.Second), false, []string{"intent create shop", "result create shop"}},
		"lost":               {lost(), false, []string{"intent create shop", "result create shop"}},
		"refused":            {refusal(4003), false, []string{"intent create shop", "settled create shop"}},
		"busy, then stopped": {tooMany(time.Minute), true, []string{"intent create shop", "settled create shop"}},
		"lost, then stopped": {lost(), true, []string{"intent create shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.fault = func(c call) *fault {
					if c.attempt > 1 || tt.err == nil {
						return nil
					}
					if tt.stop {
						time.AfterFunc(time.Millisecond, cancel)
					}
					return &fault{err: tt.err}
				}
				journal := w.journal
				w.apply(t, ctx, plan(create("shop")))
				var got []string
				for _, e := range journal.records {
					got = append(got, e.String())
				}
				require.Equal(t, tt.want, got)
			})
		})
	}
}

func TestStepsOfAnAppRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.latency = time.Millisecond
		key := w.have("swap")
		res := w.apply(t, t.Context(), plan(
			create("new"), upload("new", jpush.Development), upload("new", jpush.Production),
			remove("swap", key, planner.Replace), create("swap"), upload("swap", jpush.Production),
		))
		require.True(t, res.Complete(), "%+v", res.Failures)
		fresh, swapped := w.st.Apps["new"].AppKey, w.st.Apps["swap"].AppKey
		require.NotEqual(t, key, swapped)
		for _, lines := range [][]string{
			{"send create cn.example.new", "send upload " + fresh + "development", "send upload " + fresh + "production"},
			{"send delete " + key, "send create cn.example.swap", "send upload " + swapped + "production"},
		} {
			for i := range lines[1:] {
				require.Less(t, w.diary.at(t, lines[i]), w.diary.at(t, lines[i+1]))
			}
		}
		require.NotZero(t, w.st.Apps["new"].Certificates.Development)
		require.NotZero(t, w.st.Apps["new"].Certificates.Production)
		require.Equal(t, "fp-swap", w.st.Apps["swap"].Certificates.Production.Fingerprint)
		require.Empty(t, w.st.Pending)
		require.Equal(t, Counts{Created: 2, Uploaded: 3, Deleted: 1, Requests: 6}, res.Counts)
	})
}

func TestDeletesComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.latency = 10 * time.Millisecond
		// The first create takes three attempts; the deletes wait for it all the same.
		w.fault = func(c call) *fault {
			if c.target == "cn.example.a00000" && c.attempt < 3 {
				return &fault{err: refusal(10)}
			}
			return nil
		}
		p := plan(remove("x", w.have("x"), planner.Removed), remove("y", w.have("y"), planner.Removed))
		p.Changes = append(p.Changes, creates(10).Changes...)
		res := w.apply(t, t.Context(), p)
		require.True(t, res.Complete())
		var last, first time.Time
		for _, c := range w.calls {
			if c.op == planner.Create && c.ended.After(last) {
				last = c.ended
			}
			if c.op == planner.Delete && (first.IsZero() || c.started.Before(first)) {
				first = c.started
			}
		}
		require.False(t, first.Before(last), "a delete started before the last create had ended")
	})
}

func TestParallelismIsNeverExceeded(t *testing.T) {
	for _, parallelism := range []int{1, 3, 16} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.opts.Parallelism = parallelism
			w.latency = time.Millisecond
			w.fault = func(c call) *fault {
				if c.n%7 == 0 {
					return &fault{err: refusal(10)}
				}
				return nil
			}
			require.True(t, w.apply(t, t.Context(), creates(200)).Complete())
			require.Equal(t, parallelism, w.most)
		})
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Rate = 10
		w.opts.Parallelism = 16
		w.latency = 450 * time.Millisecond
		began := time.Now()
		require.True(t, w.apply(t, t.Context(), creates(50)).Complete())
		for i, c := range w.calls {
			require.GreaterOrEqual(t, c.started.Sub(began), time.Duration(i)*100*time.Millisecond-time.Microsecond)
		}
		require.Equal(t, 49*100*time.Millisecond+w.latency, time.Since(began).Round(time.Millisecond))
	})
}
