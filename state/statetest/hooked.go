package statetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"jpsync/state/shared"
)

// Call is one call to a place, counted from 1.
type Call struct {
	N    int
	Op   string // "create", "list", "read", "remove"
	Name string // the object, or the prefix of a listing
}

func (c Call) String() string { return fmt.Sprintf("call %d, %s %s", c.N, c.Op, c.Name) }

// Hooked passes calls on to another place and asks before and after each. An error of Before
// is returned instead of the call, one of After instead of the answer.
type Hooked struct {
	shared.Place
	Before, After func(ctx context.Context, c Call) error // nil: nothing happens

	mu sync.Mutex
	n  int
}

// Calls is how many calls there were.
func (h *Hooked) Calls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n
}

func (h *Hooked) call(ctx context.Context, op, name string, do func() error) error {
	h.mu.Lock()
	h.n++
	c := Call{N: h.n, Op: op, Name: name}
	h.mu.Unlock()
	if h.Before != nil {
		if err := h.Before(ctx, c); err != nil {
			return err
		}
	}
	err := do()
	if err == nil && h.After != nil {
		err = h.After(ctx, c)
	}
	return err
}

// Create implements [shared.Place].
func (h *Hooked) Create(ctx context.Context, name string, body []byte) error {
	return h.call(ctx, "create", name, func() error { return h.Place.Create(ctx, name, body) })
}

// List implements [shared.Place].
func (h *Hooked) List(ctx context.Context, prefix, after string) (entries []shared.Entry, clock time.Time, err error) {
	err = h.call(ctx, "list", prefix, func() (err error) {
		entries, clock, err = h.Place.List(ctx, prefix, after)
		return err
	})
	return entries, clock, err
}

// Read implements [shared.Place].
func (h *Hooked) Read(ctx context.Context, name string) (body []byte, err error) {
	err = h.call(ctx, "read", name, func() (err error) {
		body, err = h.Place.Read(ctx, name)
		return err
	})
	return body, err
}

// Remove implements [shared.Place].
func (h *Hooked) Remove(ctx context.Context, names ...string) error {
	return h.call(ctx, "remove", strings.Join(names, " "), func() error { return h.Place.Remove(ctx, names...) })
}

// errCut is what a place returns whose answers get lost.
var errCut = &shared.UnavailableError{Err: errors.New("connection reset by the test")}

// Outcome says what became of a call whose answer is lost.
type Outcome int

// The outcomes.
const (
	Never Outcome = iota // it does not reach the store
	Done                 // it takes effect
	Late                 // it takes effect some time after the caller gave it up
)

func (o Outcome) String() string { return [...]string{"never", "done", "late"}[o] }

// lateness is how long a call takes to arrive that is late.
const lateness = 30 * time.Millisecond

// Lossy returns a place that loses the answers to some calls. arrived waits for those that
// are late.
func Lossy(place shared.Place, outcome Outcome, lost func(Call) bool) (lossy *Hooked, arrived func()) {
	l := &late{Place: place}
	h := &Hooked{Place: l}
	fail := func(ctx context.Context, c Call) error {
		if lost(c) {
			return errCut
		}
		return nil
	}
	switch outcome {
	case Never:
		h.Before = fail
	case Done:
		h.After = fail
	case Late:
		l.lost = func(name string) bool { return lost(Call{N: h.Calls(), Op: "create", Name: name}) }
		h.Before = func(ctx context.Context, c Call) error {
			if c.Op == "create" {
				return nil // late makes it
			}
			return fail(ctx, c)
		}
	}
	return h, l.group.Wait
}

// late carries a lost create out after its caller has gone on.
type late struct {
	shared.Place
	lost  func(name string) bool // nil: none
	group sync.WaitGroup
}

// Create implements [shared.Place].
func (l *late) Create(ctx context.Context, name string, body []byte) error {
	if l.lost == nil || !l.lost(name) {
		return l.Place.Create(ctx, name, body)
	}
	l.group.Go(func() {
		time.Sleep(lateness)
		_ = l.Place.Create(context.WithoutCancel(ctx), name, body)
	})
	return errCut
}
