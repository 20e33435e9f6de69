package state

import (
	"context"
	"fmt"
	"time"
)

// Store keeps the state somewhere. [File] keeps it on disk; a shared one may keep it behind
// Terraform's HTTP protocol or in a bucket with conditional writes. The journal is none of
// its business: that stays with the process that applies.
//
// Package statetest has the contract as a test.
type Store interface {
	// Read returns the state as it is. Where there is none yet it returns what [New]
	// returns, which has no lineage. What cannot be read as a whole is an error: damage is
	// an [ErrDamaged] and never an empty state. Read needs no lock, changes nothing, and
	// gets the state before a concurrent Write or the one after, never a mixture.
	Read(ctx context.Context) (*State, error)
	// Write replaces the state and keeps the one before as a backup. When it returns nil,
	// the new state survives a power loss. When it fails, the old state or the new one is
	// there, whole. Only who holds the lock may write. Write doesn't keep s.
	Write(ctx context.Context, s *State) error
	// Lock lets one writer in. It waits as long as holder.Wait says, and returns a
	// [*LockedError] when somebody else still has it, or an error that wraps ctx's. A holder
	// that dies leaves no lock behind. Calling release again does nothing.
	Lock(ctx context.Context, holder Holder) (release func() error, err error)
	// Location says where the state is, for people.
	Location() string
}

// Holder is who holds a lock, for those who wait for it. Command is the command's name
// alone: arguments might tell a secret.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
	// Wait is how long to wait for the lock; zero is not at all. It is about the wait
	// alone and no part of what others are told.
	Wait time.Duration `json:"-"`
}

// LockedError says that somebody else is at work.
type LockedError struct {
	Path   string // of the lock, or where else it is
	Holder Holder // zero when the holder has not said
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("the state is locked by another process (%s); wait for it, or give --lock-timeout", e.Path)
	}
	return fmt.Sprintf("the state is locked by jpsync %s, process %d of %s on %s, since %s (%s); wait for it, or give --lock-timeout",
		e.Holder.Command, e.Holder.PID, e.Holder.User, e.Holder.Host, e.Holder.Since.Format(time.RFC3339), e.Path)
}
