package shared

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Finding is one thing that [Examine] looked at.
type Finding struct {
	Check string // "list", "write", "read", "conditions", "clock"
	Note  string // how far the clock is off, if it is
	Err   error  // with a remedy; nil: it is as it should be
}

// Examine tries out what a shared state needs of a place, on a scratch object that is removed
// again if that is allowed. It stops at what makes the rest pointless. The errors of a place
// say what to do.
func Examine(ctx context.Context, place Place) []Finding {
	s := &Store{place: place, lease: DefaultLease}
	var findings []Finding
	found := func(check string, err error) bool {
		findings = append(findings, Finding{Check: check, Err: err})
		return err == nil
	}
	_, _, err := s.list(ctx, logPrefix, "")
	if !found("list", err) {
		return findings
	}
	name, before := scratchName(), now()
	defer s.discard(ctx, name)
	if err = s.createPatiently(ctx, name, racer(0)); !found("write", err) {
		return findings
	}
	_, err = s.read(ctx, Entry{Name: name, Size: int64(len(racer(0)))})
	found("read", err)
	err = Race(ctx, place)
	if checker, ok := place.(Checker); ok {
		err = errors.Join(checker.Check(ctx), err)
	}
	found("conditions", err)
	note, err := s.clocks(ctx, name, before)
	return append(findings, Finding{Check: "clock", Note: note, Err: err})
}

// clocks compares the store's clock with this machine's, which may well be off.
func (s *Store) clocks(ctx context.Context, name string, before stamp) (note string, err error) {
	asked := time.Now()
	_, clock, err := s.list(ctx, racePrefix, "")
	if err != nil {
		return "", err
	}
	skew := clock.Sub(asked.Add(time.Since(asked) / 2)).Round(time.Second)
	switch {
	case skew > leaseSlack:
		note = fmt.Sprintf("the store's clock is %s ahead of this machine's", skew)
	case skew < -leaseSlack:
		note = fmt.Sprintf("the store's clock is %s behind this machine's", -skew)
	}
	return note, s.proveClock(ctx, "", name, before)
}
