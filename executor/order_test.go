package executor

import (
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
				w.journal.syncTakes = 7 * time.Millisecond
				p := creates(100)
				for i := range 20 {
					id := fmt.Sprintf("gone%d", i)
					p.Actions = append(p.Actions, remove(id, w.have(id), planner.Removed))
				}
				for i := range 10 {
					id := fmt.Sprintf("swap%d", i)
					p.Actions = append(p.Actions, remove(id, w.have(id), planner.Replace), create(id))
				}
				res := w.apply(t, t.Context(), p)
				require.True(t, res.Complete(), "%+v", res.Failures)
				for _, c := range p.Actions {
					target := c.AndroidPackage
					if c.Action == planner.Delete {
						target = c.AppKey
					}
					at := func(line string) int { return w.diary.at(t, fmt.Sprintf(line, c.Action, c.App)) }
					sent := w.diary.at(t, fmt.Sprintf("send %s %s", c.Action, target))
					require.Less(t, at("sync intent %s %s"), sent, "%s of %s was sent before its intent was on disk", c.Action, c.App)
					require.Less(t, at("write sent %s %s"), sent, "%s of %s was sent before that was written", c.Action, c.App)
					require.Less(t, at("sync intent %s %s"), at("write sent %s %s"))
					require.Less(t, sent, at("write result %s %s"))
					require.Less(t, at("sync result %s %s"), at("event apply_complete %s %s"), "told before it was on disk")
				}
			})
		})
	}
}

// While a create waits to be tried again after a refusal, nothing is open: a run that is killed
// then leaves no doubt behind. After an answer that got lost it is open all the time.
func TestARefusalSettlesUntilTheNextAttempt(t *testing.T) {
	for name, tt := range map[string]struct {
		err  *jpush.Error
		want []string
	}{
		"refused": {tooMany(time.Second), []string{"intent create shop", "sent create shop", "settled create shop", "sent create shop", "result create shop"}},
		"lost":    {lost(), []string{"intent create shop", "sent create shop", "result create shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.fault = func(c call) *fault {
					if c.attempt == 1 {
						return &fault{err: tt.err}
					}
					return nil
				}
				journal := w.journal
				require.True(t, w.apply(t, t.Context(), plan(create("shop"))).Complete())
				var got []string
				for _, e := range journal.records {
					got = append(got, e.String())
				}
				require.Equal(t, tt.want, got)
			})
		})
	}
}

// The disk is slower than the service, and yet workers don't wait for it one by one.
func TestIntentsAreWrittenAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Parallelism = 8
		w.latency = 5 * time.Millisecond
		w.journal.syncTakes = 5 * time.Millisecond
		began := time.Now()
		res := w.apply(t, t.Context(), creates(800))
		require.True(t, res.Complete())
		// 100 rounds of 5 ms are 500 ms. With a sync before each it would be twice that.
		require.Less(t, time.Since(began), 530*time.Millisecond)
		require.Equal(t, 8, w.most)
	})
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
		p.Actions = append(p.Actions, creates(10).Actions...)
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
