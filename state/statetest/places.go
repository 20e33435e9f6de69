package statetest

import (
	"context"
	"errors"
	"strings"

	"jpsync/state/shared"
)

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
