package state

// Planned is an intent with the id of its app. It goes with the executor's windows.
type Planned struct {
	ID     string
	Intent Intent
}

// Ack waits for a record to be durable.
type Ack func() error

// Wait calls it.
func (a Ack) Wait() error { return a() }

// IntendAll does nothing: Sent appends the intent.
func (r *Run) IntendAll([]Planned) (Ack, error) { return func() error { return nil }, nil }

// Sent appends an intent and waits for it.
func (r *Run) Sent(id string, in Intent) (Ack, error) {
	wait := r.Append(Record{ID: id, Intent: &in})
	return wait, wait()
}

// Record appends a result.
func (r *Run) Record(res Result) (Ack, error) {
	return r.Append(Record{ID: res.ID, Result: &res}), nil
}
