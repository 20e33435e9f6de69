package executor

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// windows remembers how many intents were written at once.
type windows struct {
	Journal
	sizes []int
}

func (w *windows) IntendAll(all []state.Planned) (Ack, error) {
	w.sizes = append(w.sizes, len(all))
	return w.Journal.IntendAll(all)
}

// Where the service answers faster than the disk syncs, more intents share a sync; where it
// does not, few are written ahead, since a kill would leave them all behind.
func TestTheWindowsOfIntentsGrowWithTheDisk(t *testing.T) {
	for _, tt := range []struct {
		latency, sync time.Duration
		least, most   int
	}{
		{0, 10 * time.Millisecond, mostAhead, mostAhead},
		{20 * time.Millisecond, time.Millisecond, 32, 64},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.latency, w.journal.syncTakes = tt.latency, tt.sync
			seen := &windows{Journal: w.journal}
			w.opts.Journal = seen
			began := time.Now()
			require.True(t, w.apply(t, t.Context(), creates(4000)).Complete())
			most := 0
			for _, n := range seen.sizes {
				most = max(most, n)
			}
			require.GreaterOrEqual(t, most, tt.least)
			require.LessOrEqual(t, most, tt.most)
			if tt.latency == 0 {
				require.Less(t, time.Since(began), 500*time.Millisecond, "125 windows of 32 would take longer than a second")
			}
		})
	}
}
