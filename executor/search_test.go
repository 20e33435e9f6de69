package executor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// evenly is a run of n requests that took so long.
func evenly(n int, took time.Duration) []time.Time {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	run := make([]time.Time, n)
	for i := range run {
		run[i] = begin.Add(took * time.Duration(i) / time.Duration(n-1))
	}
	return run
}

// How certain an estimate is depends on how different the two runs were that it is made of. A
// rate that is too low and thought to be certain would be kept for minutes.
func TestHowCertainAnEstimateIs(t *testing.T) {
	for name, tt := range map[string]struct {
		before, run   []time.Time
		measured      float64
		limit, within float64
		certain       bool
	}{
		// 200 a second and a reserve of 20.
		"short and fast, long and slow": {evenly(40, 100*time.Millisecond), evenly(220, time.Second), 110, 200, 0.05, true},
		// 200 in each second.
		"as many in another time":       {evenly(200, 300*time.Millisecond), evenly(200, 900*time.Millisecond), 110, 200, 0.01, true},
		"as many in the same time":      {evenly(200, 600*time.Millisecond), evenly(203, 534*time.Millisecond), 111, 200, 0.02, false},
		"nearly as many in nearly that": {evenly(200, 600*time.Millisecond), evenly(212, 640*time.Millisecond), 111, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &search{burst: tt.before, limit: 200}
			limit, off := s.estimate(tt.run, tt.measured, 800, time.Second)
			if tt.limit > 0 {
				require.InEpsilon(t, tt.limit, limit, tt.within)
			}
			require.Equal(t, tt.certain, off < guessError, "off by %.2f", off)
		})
	}
}
