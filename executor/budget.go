package executor

import (
	"fmt"
	"sync"
)

// grace is how many requests in a row, beyond one per worker, may go without a definite
// answer before the run gives up on the service. Retries of single requests are bounded by
// MaxAttempts; without this bound a total outage would still cost that many for every app.
const grace = 100

// budget counts the requests that were started since the service last gave a definite
// answer.
type budget struct {
	mu       sync.Mutex
	limit    int
	inFlight int
	since    int
	last     error
}

func newBudget(parallelism int) *budget { return &budget{limit: parallelism + grace} }

// spend takes one request from the budget. The error says that there is none left.
func (b *budget) spend() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since >= b.limit {
		return &OutageError{Requests: b.since, Last: b.last}
	}
	b.since++
	b.inFlight++
	return nil
}

// answered fills the budget up again, but for what is still in flight: the service was
// there a moment ago.
func (b *budget) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	b.since = b.inFlight
}

// lost ends a request without a definite answer, and keeps the error for the message.
func (b *budget) lost(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	b.last = err
}

// OutageError says that the service gave no definite answer for so many requests in a row
// that going on makes no sense.
type OutageError struct {
	Requests int
	Last     error // what the last of them came to
}

func (e *OutageError) Error() string {
	return fmt.Sprintf("the service does not answer: %d requests in a row failed; last: %s; run again later", e.Requests, messageOf(e.Last))
}

func (e *OutageError) Unwrap() error { return e.Last }
