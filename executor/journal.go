package executor

import "jpsync/state"

// Journal takes what happens. Its methods write at once and return what to wait for until
// the records are on disk. After an error of any of them, or of an Ack, the run stops; the
// answers of requests in flight are handed over all the same, so that they can be kept for
// a recovery file.
type Journal interface {
	// IntendAll writes that requests are to come. It means nothing until one is sent.
	IntendAll(intents []state.Planned) (Ack, error)
	// Sent writes that a request goes out now. From here on its outcome is open.
	Sent(id string, in state.Intent) (Ack, error)
	Record(res state.Result) (Ack, error)
}

// Ack is waited for until a record is on disk.
type Ack interface {
	Wait() error
}

// StateJournal is what package state has for a journal: a [*state.Run] or a
// [*state.Journal].
type StateJournal interface {
	IntendAll(intents []state.Planned) (state.Ack, error)
	Sent(id string, in state.Intent) (state.Ack, error)
	Record(res state.Result) (state.Ack, error)
}

// Journaled makes a [Journal] of the one in package state, whose Ack is a type of its own.
func Journaled(j StateJournal) Journal { return stateJournal{j} }

type stateJournal struct{ j StateJournal }

func (s stateJournal) IntendAll(intents []state.Planned) (Ack, error) {
	return s.j.IntendAll(intents)
}

func (s stateJournal) Sent(id string, in state.Intent) (Ack, error) { return s.j.Sent(id, in) }

func (s stateJournal) Record(res state.Result) (Ack, error) { return s.j.Record(res) }
