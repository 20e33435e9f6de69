package shared

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// Finding is one thing that [Examine] looked at.
type Finding struct {
	Check string // "list", "write", "read", "conditions", "clock"
	Note  string // what there is to say of it, if anything
	Err   error  // with a remedy; nil: it is as it should be
}

// Examine tries out what a shared state needs of a place, on a scratch object that is removed
// again if that is allowed. It stops at what makes the rest pointless. The errors of a place
// say what to do.
func Examine(ctx context.Context, place Place) []Finding {
	s := &Store{place: place, lease: DefaultLease, now: now}
	var findings []Finding
	found := func(check, note string, err error) bool {
		findings = append(findings, Finding{Check: check, Note: note, Err: err})
		return err == nil
	}
	_, _, err := s.list(ctx, logPrefix, "")
	if !found("list", "", err) {
		return findings
	}
	name, before := racePrefix+rand.Text(), s.now()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = place.Remove(ctx, name)
	}()
	err = s.patient(ctx, func(ctx context.Context) error { return s.createOnce(ctx, name, racer(0)) })
	if !found("write", "", err) {
		return findings
	}
	_, err = s.read(ctx, Entry{Name: name, Size: int64(len(racer(0)))})
	found("read", "", err)
	note, err := conditions(ctx, place)
	found("conditions", note, err)
	note, err = s.clocks(ctx, name, before)
	found("clock", note, err)
	return findings
}

// conditions races for a name, and asks a place that knows its weaknesses.
func conditions(ctx context.Context, place Place) (note string, err error) {
	if checker, ok := place.(Checker); ok {
		if name := checker.Experimental(); name != "" {
			note = name + " is experimental: it does not promise that one of many racing callers wins"
		}
		err = checker.Check(ctx)
	}
	return note, errors.Join(err, Race(ctx, place))
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
