// Package shared keeps a state where several machines reach it: in a bucket or a database.
// Nothing that matters is on the disk of the machine that applies, so a runner may die and
// take its disk with it.
//
// The state is one numbered log to which entries are only ever added, and now and then a
// snapshot of everything up to an entry. All that a [Place] has to do is to create an object
// under a name that must not exist yet, so that one of many racing callers wins.
//
//	store, err := shared.New(place, shared.DefaultLease)
//	session, st, replayed, err := store.Open(ctx, holder)
//
// Whoever creates the next number as an "open" entry is the writer from then on, and holds a
// lease that every later entry of the writer renews. A writer that slept through its lease finds
// its next number taken by the open entry of the one who took over, and is out: that is the
// fence. So an open entry is never removed, although everything else may be once it is part
// of a snapshot.
package shared

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Place is what a store has to do for a shared state. Names are "log/" or "state/" and
// twelve digits, or "race/" and letters and digits. Its methods make one attempt each; package
// shared alone retries, and only what fails with an [*UnavailableError].
type Place interface {
	// Create makes an object that is durable when Create returns nil. It returns [ErrExists]
	// when the name is taken, and then the object is as it was.
	Create(ctx context.Context, name string, body []byte) error
	// List returns the objects whose names begin with prefix and sort after the name after,
	// in the order of their names, and the time by the store's own clock.
	List(ctx context.Context, prefix, after string) ([]Entry, time.Time, error)
	// Read returns an object's body, or [ErrNotFound].
	Read(ctx context.Context, name string) ([]byte, error)
	// Remove removes objects. It may be refused: nothing depends on it.
	Remove(ctx context.Context, names ...string) error
	// Location says where this is, for people, without any secret.
	Location() string
}

// Checker is a place that says when it cannot be trusted with a lock. A store asks before
// each lock.
type Checker interface {
	// Experimental returns the name of a service that does not promise what a lock needs, or
	// "". Such a place has to pass [Race] before its first lock.
	Experimental() string
	// Check returns why the place cannot be trusted as it is set up now.
	Check(ctx context.Context) error
}

// Entry is one object of a listing.
type Entry struct {
	Name string
	Size int64     // in bytes
	Time time.Time // of its creation, by the store's clock
}

// MaxObject caps what is read of one object, in bytes.
const MaxObject = 1 << 30

// Errors of a [Place].
var (
	ErrExists   = errors.New("the name is taken")
	ErrNotFound = errors.New("not found")
)

// UnavailableError says that the store did not answer, or answered that it cannot now: a
// network error, HTTP 409, 429 or 5xx, a lost database connection. The same call may succeed
// later. Of a Create nobody knows whether it took effect.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// The two kinds of objects. Twelve digits sort as text, and last for a thousand entries a
// second over thirty years.
const (
	logPrefix   = "log/"
	statePrefix = "state/"
)

func logName(number int64) string   { return fmt.Sprintf("%s%012d", logPrefix, number) }
func stateName(number int64) string { return fmt.Sprintf("%s%012d", statePrefix, number) }
