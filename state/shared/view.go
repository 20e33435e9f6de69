package shared

import (
	"errors"
	"fmt"
	"time"

	"jpsync/state"
)

// view is the log as it was read: the state, and who wrote last.
type view struct {
	state     *state.State
	number    int64  // of the last entry; 0 when there is none
	sum       string // of the last entry
	last      entry
	writer    entry     // the open or fold that names the holder
	time      time.Time // of the last entry, by the store's clock
	clock     time.Time // the store's, when the log was listed
	replayed  int       // records since the snapshot
	removable []int64   // entries since the snapshot that may go once they are part of the next
	snapshots []Entry   // oldest first; the last is the one in force
}

// replay takes the next entry of the log into the view.
func (v *view) replay(listed Entry, body []byte, base string) error {
	number, err := numberOf(listed.Name)
	if err != nil {
		return err
	}
	if number != v.number+1 {
		return damaged(v.number+1, "it is missing, and later entries are there")
	}
	e, sum, err := decodeEntry(body, number, v.sum)
	if err != nil {
		return err
	}
	if err := v.follows(e, base); err != nil {
		return err
	}
	for _, rec := range e.Records {
		rec, err := rec.Checked()
		if err == nil && rec.Bind != nil {
			err = v.accepts(*rec.Bind)
		}
		if err != nil {
			return damaged(number, err.Error())
		}
		v.state.Apply(rec)
		if rec.Bind == nil {
			v.replayed++
		}
	}
	if e.Holder != nil {
		v.writer = e
	}
	v.number, v.sum, v.last, v.time = number, sum, e, listed.Time
	if e.removable() {
		v.removable = append(v.removable, number)
	}
	return nil
}

// accepts refuses records of another state or account.
func (v *view) accepts(b state.Binding) error {
	if v.state.Lineage != "" && v.state.Lineage != b.Lineage || v.state.BelongsTo(b.Endpoint, b.Account) != nil {
		return errors.New("it belongs to another state, endpoint or account")
	}
	return nil
}

// follows checks that an entry may stand where it is: an open begins a new epoch, everything
// else is of the same writer as the entry before, and a fold names the snapshot that the
// view began with.
func (v *view) follows(e entry, base string) error {
	first := v.last.Number == 0
	switch {
	case e.Type == typeOpen && !first && e.Epoch != v.last.Epoch+1:
		return damaged(e.Number, fmt.Sprintf("it opens epoch %d after epoch %d", e.Epoch, v.last.Epoch))
	case e.Type != typeOpen && !first && (e.Writer != v.last.Writer || e.Epoch != v.last.Epoch):
		return damaged(e.Number, "it is not of the writer who had the lock")
	case e.Type != typeOpen && first && base == "":
		return damaged(e.Number, "the log does not begin with an open entry")
	case e.Type == typeFold && stateName(e.Snapshot.Number) != base:
		return damaged(e.Number, "its snapshot "+stateName(e.Snapshot.Number)+" is missing")
	}
	return nil
}

// free reports whether the lock can be had: it was given back, or its lease is over by the
// store's clock.
func (v *view) free() bool {
	return v.number == 0 || v.last.Type == typeClose || v.clock.After(v.until())
}

// until is when the lease ends for others. Stores tell whole seconds, hence the slack.
func (v *view) until() time.Time { return v.time.Add(v.writer.lease() + leaseSlack) }
