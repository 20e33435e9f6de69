package statetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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

// Hooked passes calls on to another place, each by way of a hook: that carries the call out
// with do, or not, and its error is the caller's.
type Hooked struct {
	shared.Place
	Hook func(ctx context.Context, c Call, do func(context.Context) error) error // nil: do

	n atomic.Int64
}

// Calls is how many calls there were.
func (h *Hooked) Calls() int { return int(h.n.Load()) }

func (h *Hooked) call(ctx context.Context, op, name string, do func(context.Context) error) error {
	c := Call{N: int(h.n.Add(1)), Op: op, Name: name}
	if h.Hook == nil {
		return do(ctx)
	}
	return h.Hook(ctx, c, do)
}

// Create implements [shared.Place].
func (h *Hooked) Create(ctx context.Context, name string, body []byte) error {
	return h.call(ctx, "create", name, func(ctx context.Context) error { return h.Place.Create(ctx, name, body) })
}

// List implements [shared.Place].
func (h *Hooked) List(ctx context.Context, prefix, after string) (entries []shared.Entry, clock time.Time, err error) {
	err = h.call(ctx, "list", prefix, func(ctx context.Context) (err error) {
		entries, clock, err = h.Place.List(ctx, prefix, after)
		return err
	})
	return entries, clock, err
}

// Read implements [shared.Place].
func (h *Hooked) Read(ctx context.Context, name string) (body []byte, err error) {
	err = h.call(ctx, "read", name, func(ctx context.Context) (err error) {
		body, err = h.Place.Read(ctx, name)
		return err
	})
	return body, err
}

// Remove implements [shared.Place].
func (h *Hooked) Remove(ctx context.Context, names ...string) error {
	return h.call(ctx, "remove", strings.Join(names, " "), func(ctx context.Context) error { return h.Place.Remove(ctx, names...) })
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
// are late. Only a create can be late.
func Lossy(place shared.Place, outcome Outcome, lost func(Call) bool) (lossy *Hooked, arrived func()) {
	var late sync.WaitGroup
	hook := func(ctx context.Context, c Call, do func(context.Context) error) error {
		if !lost(c) {
			return do(ctx)
		}
		switch {
		case outcome == Done:
			if err := do(ctx); err != nil {
				return err
			}
		case outcome == Late && c.Op == "create":
			late.Go(func() {
				time.Sleep(lateness)
				_ = do(context.WithoutCancel(ctx))
			})
		}
		return errCut
	}
	return &Hooked{Place: place, Hook: hook}, late.Wait
}

// careless removes what it is told to, and with entries of the log open ones as well.
type careless struct{ shared.Place }

// Remove implements [shared.Place].
func (c careless) Remove(ctx context.Context, names ...string) error {
	if !strings.HasPrefix(names[0], "log/") {
		return c.Place.Remove(ctx, names...)
	}
	entries, _, err := c.List(ctx, "log/", "")
	if err != nil {
		return err
	}
	for _, e := range entries[:len(entries)-1] {
		names = append(names, e.Name)
	}
	return c.Place.Remove(ctx, names...)
}

// undeleted refuses to remove anything, as a bucket does to a user without that right.
type undeleted struct{ shared.Place }

// Remove implements [shared.Place].
func (undeleted) Remove(context.Context, ...string) error {
	return errors.New("remove: AccessDenied")
}

// unconditional overwrites.
type unconditional struct{ shared.Place }

// Create implements [shared.Place].
func (u unconditional) Create(ctx context.Context, name string, body []byte) error {
	if err := u.Place.Remove(ctx, name); err != nil {
		return err
	}
	return u.Place.Create(ctx, name, body)
}
