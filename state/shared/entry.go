package shared

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"jpsync/state"
)

// entryType says what an entry of the log does.
type entryType string

const (
	// typeOpen makes its writer the one who may write, until its lease ends.
	typeOpen entryType = "open"
	// typeBatch holds records.
	typeBatch entryType = "batch"
	// typeBeat renews the lease and nothing else.
	typeBeat entryType = "beat"
	// typeFold names a snapshot: the state after an earlier entry, with nothing but beats
	// between that one and the fold.
	typeFold entryType = "fold"
	// typeClose gives the lock back.
	typeClose entryType = "close"
)

// entry is one object of the log. Its body is one line of JSON, sealed with a checksum that
// also covers the checksum of the entry before: see [state.Seal].
type entry struct {
	Number   int64          `json:"number"`
	Type     entryType      `json:"type"`
	Writer   string         `json:"writer"`             // random, of one session
	Epoch    int64          `json:"epoch"`              // goes up by one with every open
	Holder   *state.Holder  `json:"holder,omitempty"`   // of an open and a fold
	LeaseMS  int64          `json:"lease_ms,omitzero"`  // of an open and a fold
	Records  []state.Record `json:"records,omitempty"`  // of a batch
	Snapshot *snapshotRef   `json:"snapshot,omitempty"` // of a fold
}

// snapshotRef pins a snapshot.
type snapshotRef struct {
	Number int64  `json:"number"` // of the entry that it has the state after
	SHA256 string `json:"sha256"` // of its body, in hex
}

// encode returns the entry's body and its checksum.
func (e entry) encode(previous string) (body []byte, sum string, err error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, "", fmt.Errorf("encode log entry %d: %w", e.Number, err)
	}
	body, sum = state.Seal(text, previous)
	return body, sum, nil
}

// decodeEntry reads the body of the entry with this number, which has to follow the entry
// with the checksum previous.
func decodeEntry(body []byte, number int64, previous string) (e entry, sum string, err error) {
	text, sum, ok := state.Unseal(body, previous)
	if !ok {
		return entry{}, "", damaged(number, "the checksum does not match: it was changed, or the entry before it is another one")
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return entry{}, "", damaged(number, state.JSONReason(err))
	}
	if e.Number != number {
		return entry{}, "", damaged(number, fmt.Sprintf("it says that its number is %d", e.Number))
	}
	return e, sum, e.check()
}

// check refuses an entry that lacks what its type needs.
func (e entry) check() error {
	switch e.Type {
	case typeOpen:
		if e.Holder == nil || e.LeaseMS <= 0 {
			return damaged(e.Number, "an open entry needs a holder and a lease")
		}
	case typeFold:
		if e.Holder == nil || e.LeaseMS <= 0 || e.Snapshot == nil {
			return damaged(e.Number, "a fold entry needs a holder, a lease and a snapshot")
		}
	case typeBatch, typeBeat, typeClose:
	default:
		return fmt.Errorf("%s: unknown type %q; %w", logName(e.Number), e.Type, state.ErrNewerVersion)
	}
	return nil
}

// removable reports whether an entry may go once it is part of a snapshot: never an open, whose
// number would be free again for a writer who sleeps.
func (e entry) removable() bool { return e.Type != typeOpen }

// lease is how long the writer may be silent.
func (e entry) lease() time.Duration { return time.Duration(e.LeaseMS) * time.Millisecond }

// damaged is an error about one entry of the log.
func damaged(number int64, reason string) error {
	return damagedObject(logName(number), reason)
}

func damagedObject(name, reason string) error {
	return fmt.Errorf("%s: %w", name, &state.DamagedError{Document: state.DocObject, Reason: reason})
}
