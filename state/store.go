package state

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/user"
	"strings"
	"time"
	"unicode"
)

// Store keeps a state somewhere: a snapshot, and a journal of what happened since. [File]
// keeps it on the local disk.
//
// Package statetest has the contract as a test.
type Store interface {
	// Load returns the state as of now: the snapshot with the journal replayed, also that of
	// a run that is under way. Where there is nothing yet it returns what [New] returns, which
	// has no lineage. What cannot be read as a whole is an error: damage is an [ErrDamaged]
	// and never an empty state. Load takes no lock, changes nothing, and needs rights to read
	// alone.
	Load(ctx context.Context) (*State, error)
	// Open lets one writer in. It waits as long as holder.Wait says, and returns a
	// [*LockedError] when somebody else is still the writer, or an error that wraps ctx's. A
	// writer that dies leaves no lock behind. The state is that of Load; replayed is how many
	// records of a journal that an earlier run left are in it and are not in the snapshot yet:
	// with any, the caller folds first. A journal that does not continue the snapshot is an
	// [ErrUnfitJournal].
	Open(ctx context.Context, holder Holder) (session Session, s *State, replayed int, err error)
	// Location says where the state is, for people.
	Location() string
}

// NoEnd is what is left of a lock that does not end on its own.
const NoEnd time.Duration = math.MaxInt64

// Session is what a run has while it is the writer. Its methods are called one at a time, but
// for Left, which may be called at any time.
type Session interface {
	// Append adds records to the journal. They are durable when it returns nil. The first of
	// all is a Bind. After an error nothing is appended any more.
	Append(ctx context.Context, batch []Record) error
	// Fold makes s the snapshot, keeps the one before as a backup, and then removes the
	// journal. When it returns nil, s is durable, and a journal that is left has nothing that s
	// lacks. When it fails, either the old snapshot and its journal are there or the new one.
	// It may be called after an Append that failed. A state with the snapshot's serial says the
	// same: a store may leave its snapshot then. Fold sets s.Journal and keeps s no longer than
	// the call.
	Fold(ctx context.Context, s *State) error
	// Full reports that the journal has grown so large that it is to be folded now.
	Full() bool
	// Earlier returns text of what the store still has from before the snapshot, to look for secrets
	// in; nil if there is none. It is not all of that, but what is oldest and what is newest.
	Earlier(ctx context.Context) ([]byte, error)
	// Purge forgets every snapshot but the present one. What the store does not let go of
	// stays.
	Purge(ctx context.Context) error
	// Linger is how long the next commit waits for more records to come. It is more than 0
	// where a commit is a request over a network, and Open has proved that one can be made: [Run.Start]
	// relies on that.
	Linger() time.Duration
	// Left is what is left of the lease, for a lock that ends on its own. Once it is 0 it stays
	// so. A lock that has no end has [NoEnd] left.
	Left() time.Duration
	// Close gives the lock back. An open journal stays for the next run. Calling it again
	// does nothing.
	Close() error
}

// Holder is who holds a lock, for those who wait for it. Command is the command's name
// alone: arguments might tell a secret.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
	// Wait is how long to wait for the lock; zero is not at all. Others are not told.
	Wait time.Duration `json:"-"`
}

// Self describes this process. Name the command without its arguments.
func Self(command string, since time.Time) Holder {
	h := Holder{PID: os.Getpid(), Command: command, Since: since.UTC().Truncate(time.Second)}
	if host, err := os.Hostname(); err == nil {
		h.Host = strings.ToValidUTF8(host, "?") // JSON takes nothing else
	}
	if u, err := user.Current(); err == nil {
		h.User = strings.ToValidUTF8(u.Username, "?")
	}
	return h
}

// LockedError says that somebody else is at work.
type LockedError struct {
	Path   string // of the lock, or where else it is
	Holder Holder // zero when the holder has not said
	// Until is when the lease ends, by the store's clock, unless it is renewed; zero for a
	// lock that ends with its holder.
	Until time.Time
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("the state is locked by another process (%s); wait for it, or give --lock-timeout", e.Path)
	}
	since := e.Holder.Since.Format(time.RFC3339)
	if !e.Until.IsZero() {
		since += ", until " + e.Until.UTC().Format(time.RFC3339) + " unless it is renewed"
	}
	return fmt.Sprintf("the state is locked by jpsync %s, process %d of %s on %s, since %s (%s); wait for it, or give --lock-timeout",
		printable(e.Holder.Command), e.Holder.PID, printable(e.Holder.User), printable(e.Holder.Host), since, e.Path)
}

// printable replaces control characters: whoever can write to the store chooses the text, and
// others read it in their terminals.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
