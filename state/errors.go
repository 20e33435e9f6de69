package state

import (
	"errors"
	"fmt"
	"strings"
)

// ErrDamaged is what errors.Is finds in every error that says a state or a journal is not
// what was once written. A damaged file is never read as an empty one.
var ErrDamaged = errors.New("damaged")

// The two files that can be damaged, as [DamagedError] names them.
const (
	docState   = "state"
	docJournal = "journal"
)

// DamagedError tells which file is damaged, where, and how that was noticed.
type DamagedError struct {
	Document string // "state" or "journal"
	Path     string // empty when bytes were read that come from no file
	Record   int    // of a journal, from 1, which is the header; 0 when it is about no single record
	Offset   int64  // in bytes from the start of the file
	Reason   string
}

func (e *DamagedError) Error() string {
	var b strings.Builder
	b.WriteString("the " + e.Document)
	if e.Path != "" {
		b.WriteString(" " + e.Path)
	}
	b.WriteString(" is damaged")
	if e.Record > 0 {
		fmt.Fprintf(&b, " in record %d", e.Record)
	}
	fmt.Fprintf(&b, " at byte %d: %s; jpsync state repair shows what can be saved", e.Offset, e.Reason)
	return b.String()
}

// Is makes every DamagedError an [ErrDamaged].
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// NewerVersionError refuses a file that a newer jpsync wrote.
type NewerVersionError struct {
	Document string // "state" or "journal"
	Path     string
	Version  int64 // what the file says; this package writes [Version]
}

func (e *NewerVersionError) Error() string {
	name := e.Document
	if e.Path != "" {
		name += " " + e.Path
	}
	return fmt.Sprintf("the %s has format version %d and this jpsync reads %d; use the newer jpsync that wrote it",
		name, e.Version, Version)
}

// MismatchError refuses to work on another account's or another endpoint's state.
type MismatchError struct {
	Field    string // "endpoint" or "account"
	Recorded string
	Given    string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the state belongs to %s %q and this run uses %q; use the state of that %s, or the %s of that state",
		e.Field, e.Recorded, e.Given, e.Field, e.Field)
}

// MissingError says that there is no state where there has been one: its backup is there.
// The backup is older than what is missing, so it is not taken without a word.
type MissingError struct {
	Path   string
	Backup string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("there is no state at %s, but a backup of one, %s: put the state back, or take the backup, which lacks what was done last: cp %s %s; "+
		"to begin with an empty state, move the backup away", e.Path, e.Backup, e.Backup, e.Path)
}

// ForeignJournalError says that a journal was found which does not belong to the state
// beside it. Nothing was changed.
type ForeignJournalError struct {
	Path    string // of the journal
	Lineage string // the journal's
	Serial  int64  // of the state that the journal started from
	State   string // the state's lineage; empty when there is no state
}

func (e *ForeignJournalError) Error() string {
	if e.State == "" {
		return fmt.Sprintf("the journal %s continues serial %d of state %s, and there is no state; "+
			"put that state or its .backup back and run again", e.Path, e.Serial, e.Lineage)
	}
	return fmt.Sprintf("the journal %s belongs to state %s, and the state beside it is %s; "+
		"put the two that belong together into one place, or move the journal away", e.Path, e.Lineage, e.State)
}

// ConflictError says that a journal cannot be folded into a state that has moved on since.
// Nothing was changed.
type ConflictError struct {
	Path     string // of the journal
	ID       string
	Recorded string // the app key in the state
	Journal  string // the app key in the journal
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the journal %s says that app %q has app key %s, and the state, which changed since, says %s; "+
		"rename the state's with jpsync state mv, or remove it with jpsync state rm, after moving the journal away, then put it back",
		e.Path, e.ID, e.Journal, e.Recorded)
}

// at returns err with the path filled in where one of this package's errors leaves it open.
func at(err error, path string) error {
	switch e := err.(type) {
	case *DamagedError:
		if e.Path == "" {
			e.Path = path
		}
	case *NewerVersionError:
		if e.Path == "" {
			e.Path = path
		}
	case *ForeignJournalError:
		if e.Path == "" {
			e.Path = path
		}
	case *ConflictError:
		if e.Path == "" {
			e.Path = path
		}
	}
	return err
}
