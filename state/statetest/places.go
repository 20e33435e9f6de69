package statetest

import (
	"context"
	"errors"
	"strings"
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
