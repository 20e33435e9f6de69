package executor

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func never() <-chan struct{} { return make(chan struct{}) }

// round lets as many in as fit and returns their tickets.
func round(t *testing.T, p *pace) []int {
	t.Helper()
	var tickets []int
	for range p.window {
		ticket, ok := p.enter(never())
		require.True(t, ok)
		tickets = append(tickets, ticket)
	}
	return tickets
}

func TestThePaceHalvesAndGrowsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(16, 0)
		burst := round(t, p)
		for _, ticket := range burst {
			p.failed(ticket, busy, time.Millisecond, time.Second)
		}
		require.Equal(t, 8, p.threshold, "one burst is one sign: half, not a 65536th")
		require.Equal(t, 1, p.window)
		began := time.Now()
		var windows []int
		for range 12 {
			tickets := round(t, p)
			windows = append(windows, len(tickets))
			for _, ticket := range tickets {
				p.answered(ticket, time.Millisecond)
			}
		}
		require.Equal(t, time.Second, time.Since(began), "only the gate takes time")
		require.Equal(t, []int{1, 2, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16}, windows)
		for range 5 {
			for _, ticket := range round(t, p) {
				p.answered(ticket, time.Millisecond)
			}
		}
		require.Equal(t, 16, p.window, "never beyond the parallelism")
	})
}

func TestThePaceNeverStopsAltogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(4, 0)
		for range 10 {
			ticket, ok := p.enter(never())
			require.True(t, ok)
			p.failed(ticket, busy, time.Millisecond, 0)
			require.Equal(t, 1, p.window)
			require.GreaterOrEqual(t, p.threshold, 1)
		}
	})
}

// A 503 that asks for time is no sign of too many at once: the way back is gentle all the
// same, up to where it was.
func TestAHoldDoesNotHalve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(8, 0)
		tickets := round(t, p)
		p.failed(tickets[0], unwell, time.Millisecond, time.Second)
		require.Equal(t, 1, p.window)
		require.Equal(t, 8, p.threshold)
	})
}

// Whoever waited for the rate when the gate closed stays outside with the others.
func TestTheGateHoldsThoseWhoWaitForTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(4, 1)
		first, ok := p.enter(never())
		require.True(t, ok)
		entered := make(chan time.Time, 3)
		began := time.Now()
		for range 3 {
			go func() {
				ticket, _ := p.enter(never())
				entered <- time.Now()
				p.answered(ticket, time.Millisecond)
			}()
		}
		synctest.Wait()
		p.failed(first, busy, time.Millisecond, time.Minute)
		for range 3 {
			require.GreaterOrEqual(t, (<-entered).Sub(began), time.Minute)
		}
		synctest.Wait()
		require.Zero(t, p.inFlight)
	})
}

func TestWaitingEndsWithTheRun(t *testing.T) {
	for name, p := range map[string]func() *pace{
		"for a place": func() *pace { return newPace(1, 0) },
		"for the rate": func() *pace {
			p := newPace(2, 0.001)
			return p
		},
		"for the gate": func() *pace {
			p := newPace(2, 0)
			p.notBefore = time.Now().Add(time.Hour)
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := p()
				halted := make(chan struct{})
				entered := 0
				go func() {
					for {
						if _, ok := p.enter(halted); !ok {
							return
						}
						entered++
					}
				}()
				time.Sleep(time.Minute)
				close(halted)
				synctest.Wait()
				require.LessOrEqual(t, entered, 1)
				require.Equal(t, entered, p.inFlight)
			})
		})
	}
}

// Who has booked a turn keeps it when the rate changes, and nobody gets one close to it.
func TestTurnsAreEvenlySpacedWhenTheRateChanges(t *testing.T) {
	p := newPace(64, 10)
	now := time.Now()
	last := p.book(now)
	for range 5 {
		turn := p.book(now)
		require.Equal(t, 100*time.Millisecond, turn.Sub(last))
		last = turn
	}
	p.rate = 100
	last = p.book(now)
	for range 5 {
		turn := p.book(now)
		require.Equal(t, 10*time.Millisecond, turn.Sub(last))
		last = turn
	}
	require.Equal(t, last.Add(time.Hour), p.book(last.Add(time.Hour)), "what was not used is lost")
}

// Sixty-three of them have a turn within the next six seconds when the gate closes for one:
// these turns are void, and nobody waits for them.
func TestTurnsAreBookedAnewAfterTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(64, 10)
		first, ok := p.enter(never())
		require.True(t, ok)
		began := time.Now()
		entered := make(chan time.Duration, 64)
		for range 63 {
			go func() {
				ticket, _ := p.enter(never())
				entered <- time.Since(began)
				p.answered(ticket, time.Millisecond)
			}()
		}
		synctest.Wait()
		p.failed(first, busy, time.Millisecond, time.Second)
		for i := range 63 {
			require.InDelta(t, 1+0.1*float64(i), (<-entered).Seconds(), 0.101)
		}
	})
}
