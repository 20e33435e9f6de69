package executor

import (
	"slices"
	"time"
)

// note keeps when a request starts.
func (s *search) note(at time.Time) {
	if len(s.sent) == mostSent {
		s.sent = append(s.sent[:0], s.sent[mostSent/2:]...)
		s.dropped += mostSent / 2
	}
	s.sent = append(s.sent, at)
}

// void forgets the requests whose turn has not come yet: they have to book another one.
func (s *search) void(now time.Time) { s.sent = before(s.sent, now.Add(1)) }

// alsoRefused takes a request back that was sent before a 429 came, and was refused too.
func (s *search) alsoRefused(sent time.Time) {
	if !sent.After(s.ended) {
		s.burst = without(s.burst, sent)
	}
}

// before returns the requests of a run that started earlier than at.
func before(run []time.Time, at time.Time) []time.Time {
	n := len(run)
	for n > 0 && !run[n-1].Before(at) {
		n--
	}
	return run[:n]
}

// without takes out of a run what was sent at a time: it had its turn then, or right before.
func without(run []time.Time, sent time.Time) []time.Time {
	if n := len(before(run, sent.Add(1))); n > 0 {
		return slices.Delete(run, n-1, n)
	}
	return run
}

// length is the time from the first request of a run to the last.
func length(run []time.Time) time.Duration {
	if len(run) == 0 {
		return 0
	}
	return run[len(run)-1].Sub(run[0])
}
