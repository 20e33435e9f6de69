package statetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"jpsync/state/shared"
)

// Sub is a place within another one, so that tests can share its connections.
type Sub struct {
	shared.Place
	Folder string // ends with a slash
}

// Create implements [shared.Place].
func (s Sub) Create(ctx context.Context, name string, body []byte) error {
	return s.Place.Create(ctx, s.Folder+name, body)
}

// List implements [shared.Place].
func (s Sub) List(ctx context.Context, prefix, after string) ([]shared.Entry, time.Time, error) {
	if after != "" {
		after = s.Folder + after
	}
	entries, clock, err := s.Place.List(ctx, s.Folder+prefix, after)
	for i := range entries {
		entries[i].Name = strings.TrimPrefix(entries[i].Name, s.Folder)
	}
	return entries, clock, err
}

// Read implements [shared.Place].
func (s Sub) Read(ctx context.Context, name string) ([]byte, error) {
	return s.Place.Read(ctx, s.Folder+name)
}

// Remove implements [shared.Place].
func (s Sub) Remove(ctx context.Context, names ...string) error {
	full := make([]string, len(names))
	for i, name := range names {
		full[i] = s.Folder + name
	}
	return s.Place.Remove(ctx, full...)
}

// Frozen is a place as seen by a process that can be stopped and woken. What it had sent
// before it was stopped arrives when it wakes.
type Frozen struct {
	shared.Place
	mu   sync.Mutex
	gate chan struct{} // nil: awake; closed: woken
}

// Stop makes every call wait for Wake.
func (f *Frozen) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = make(chan struct{})
}

// Wake lets the calls go on.
func (f *Frozen) Wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.gate)
	f.gate = nil
}

// Create implements [shared.Place].
func (f *Frozen) Create(ctx context.Context, name string, body []byte) error {
	f.mu.Lock()
	gate := f.gate
	f.mu.Unlock()
	if gate != nil {
		<-gate
		ctx = context.WithoutCancel(ctx)
	}
	return f.Place.Create(ctx, name, body)
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

// clocked is a place whose clocks are not this machine's.
type clocked struct {
	shared.Place
	objects, answers time.Duration // how far ahead
}

// List implements [shared.Place].
func (c clocked) List(ctx context.Context, prefix, after string) ([]shared.Entry, time.Time, error) {
	entries, clock, err := c.Place.List(ctx, prefix, after)
	for i := range entries {
		entries[i].Time = entries[i].Time.Add(c.objects)
	}
	return entries, clock.Add(c.answers), err
}

// lagging does not list what was created just now.
type lagging struct{ shared.Place }

// List implements [shared.Place].
func (l lagging) List(ctx context.Context, prefix, after string) ([]shared.Entry, time.Time, error) {
	entries, clock, err := l.Place.List(ctx, prefix, after)
	for len(entries) > 0 && strings.HasPrefix(prefix, "log/") && clock.Sub(entries[len(entries)-1].Time) < 10*time.Second {
		entries = entries[:len(entries)-1]
	}
	return entries, clock, err
}
