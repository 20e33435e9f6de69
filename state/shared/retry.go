package shared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// One attempt has attemptTimeout, less with a short lease, and a second more for each MiB that it
// moves. The pauses between attempts are random, up to a limit that doubles from pauseBase to
// pauseLimit.
const (
	attemptTimeout = 10 * time.Second
	pauseBase      = 50 * time.Millisecond
	pauseLimit     = 2 * time.Second
)

// patience is how long a call is tried that no lease bounds: a store may restart. It grows
// with what the call moves, like the time of an attempt.
const patience = 30 * time.Second

// retry makes a call until it succeeds, fails for good, or ctx ends. It is the only place
// that retries. size is how many bytes the call moves.
func (s *Store) retry(ctx context.Context, size int, call func(context.Context) error) error {
	limit := min(attemptTimeout, max(s.lease/4, time.Second)) + transferTime(size)
	for attempt := 0; ; attempt++ {
		err := attemptOnce(ctx, limit, call)
		if _, unavailable := errors.AsType[*UnavailableError](err); err == nil || !unavailable {
			return err
		}
		most := min(pauseBase<<min(attempt, 10), pauseLimit)
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rand.Int64N(int64(most)) + 1)):
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w (gave up after %d attempts)", err, attempt+1)
		}
	}
}

// patient retries a call as long as a store may take to restart.
func (s *Store) patient(ctx context.Context, size int, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience+transferTime(size))
	defer cancel()
	return s.retry(ctx, size, call)
}

// transferTime is how much longer a call may take that moves so many bytes.
func transferTime(size int) time.Duration { return time.Duration(size>>20) * time.Second }

// attemptOnce makes one call within a time limit. When ctx itself has not ended, running out
// of that time says that the store does not answer.
func attemptOnce(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	once, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := call(once)
	if err != nil && once.Err() != nil && ctx.Err() == nil {
		return &UnavailableError{fmt.Errorf("no answer within %s: %w", limit.Round(time.Second), err)}
	}
	return err
}

// create makes an object, whatever becomes of single answers: the same call is repeated, and
// where the name is taken by the very same bytes, an earlier attempt of ours had made it.
// [ErrExists] says that somebody else has the name.
func (s *Store) create(ctx context.Context, name string, body []byte) error {
	return s.retry(ctx, 2*len(body), func(ctx context.Context) error { return s.createOnce(ctx, name, body) })
}

// createPatiently is create where no lease bounds it, of a small object.
func (s *Store) createPatiently(ctx context.Context, name string, body []byte) error {
	return s.patient(ctx, 0, func(ctx context.Context) error { return s.createOnce(ctx, name, body) })
}

func (s *Store) createOnce(ctx context.Context, name string, body []byte) error {
	err := s.place.Create(ctx, name, body)
	_, unavailable := errors.AsType[*UnavailableError](err)
	if !unavailable && !errors.Is(err, ErrExists) {
		return err
	}
	// Some servers break the connection off when they refuse a large body early, so a lost
	// answer is looked into as well.
	taken, readErr := s.place.Read(ctx, name)
	switch {
	case readErr == nil && bytes.Equal(taken, body):
		return nil
	case readErr == nil:
		return ErrExists
	case unavailable:
		return err
	case errors.Is(readErr, ErrNotFound):
		return &UnavailableError{fmt.Errorf("%s is taken, but cannot be read back", name)}
	}
	return fmt.Errorf("%s is taken, and whose it is cannot be read: %w", name, readErr)
}

func (s *Store) list(ctx context.Context, prefix, after string) (entries []Entry, clock time.Time, err error) {
	err = s.patient(ctx, 0, func(ctx context.Context) error {
		entries, clock, err = s.place.List(ctx, prefix, after)
		return err
	})
	return entries, clock, err
}

// read reads an object that was listed. A body that is shorter or longer than the listing
// says was cut on its way.
func (s *Store) read(ctx context.Context, e Entry) (body []byte, err error) {
	if e.Size > MaxObject {
		return nil, damagedObject(e.Name, fmt.Sprintf("it has %d bytes, and %d is the limit", e.Size, MaxObject))
	}
	err = s.patient(ctx, int(e.Size), func(ctx context.Context) error {
		body, err = s.place.Read(ctx, e.Name)
		if err == nil && int64(len(body)) != e.Size {
			return &UnavailableError{fmt.Errorf("read %s: it has %d bytes, and %d came", e.Name, e.Size, len(body))}
		}
		return err
	})
	return body, err
}
