package state

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// queue gathers records while a commit is under way: the next commit takes all of them. One
// goroutine commits, from the first record of a run to its end. It needs no limit: a caller who
// waits for its records, as the executor does, has few of them in it.
type queue struct {
	first   *batch // of the run: its binding
	next    *batch
	most    int           // intents in the largest batch so far
	wake    chan struct{} // there is something to commit; closed: commit what is left and stop
	stopped chan struct{} // closed once the goroutine is gone
	err     error         // of the first commit or fold that failed: no commit follows; Finish folds all the same
	missed  []Record      // what did not become durable, for RecoveryFile
}

// batch is records that share a commit.
type batch struct {
	records  []Record
	rescue   []Record      // for RecoveryFile: before each result also the intent that it settles, which may be durable already
	intents  int           // how many of the records are intents
	gathered chan struct{} // closed once there are as many as in the largest batch so far
	done     chan struct{} // closed once err says how it went
	err      error         // set before the commit: the batch is not to be written
}

func newBatch() *batch { return &batch{gathered: make(chan struct{}), done: make(chan struct{})} }

// wait returns nil once the batch is durable.
func (b *batch) wait() error {
	<-b.done
	return b.err
}

// Start commits the run's first record, so that a full disk, a broken one and a read-only
// place are found before the first request. Call it when it is certain that requests are
// sent. Nothing stays behind when it fails. Start does not wait for a shared store: taking its
// lock has proved that it can be written.
func (r *Run) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	wait, err := r.ensureQueue()
	r.mu.Unlock()
	if err != nil || r.session.Linger() > 0 { // only a shared store lingers
		return err
	}
	return wait()
}

// Append queues a record and returns; wait returns nil once the record is durable. Send a
// request only when its intent's wait has returned nil, and report a result only when the
// result's has. Records are committed in order, whether or not anybody waits; those that are
// queued at the same time share one commit.
//
// After a commit that failed every wait returns its error. What was appended is kept in
// memory all the same, for Finish and WriteRecovery. A record whose secret cannot be encrypted is
// kept in memory and its commit fails: it may be the only copy of an answer. A record that is not
// valid is refused, and neither queued nor kept.
func (r *Run) Append(rec Record) (wait func() error) {
	rec, err := rec.Checked()
	if err == nil && rec.Bind != nil {
		err = errors.New("a run appends its binding itself")
	}
	if err != nil {
		return func() error { return err }
	}
	failed := r.opts.Recipients.encryptRecord(rec) // in place: Checked has copied it
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.ensureQueue(); err != nil {
		return func() error { return err }
	}
	b := r.queue.next
	b.err = cmp.Or(b.err, failed)
	return r.enqueue(rec)
}

// ensureQueue makes the queue, starts the commits and appends the binding, if that is not done
// yet. It returns the binding's wait. The lock is held.
func (r *Run) ensureQueue() (wait func() error, err error) {
	switch {
	case r.finished:
		return nil, errors.New("start the journal: the run has ended")
	case r.queue != nil:
		return r.queue.first.wait, nil
	case !r.bound:
		return nil, errors.New("start the journal: the state is bound to no endpoint and account yet")
	}
	r.state = r.state.Clone()
	first := newBatch()
	r.queue = &queue{first: first, next: first, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	go r.commitAll()
	return r.enqueue(Record{Bind: &Binding{Lineage: r.state.Lineage, Endpoint: r.state.Endpoint, Account: r.state.Account}}), nil
}

// enqueue adds a record to the next commit. The state in memory has it from now on, durable or not.
func (r *Run) enqueue(rec Record) (wait func() error) {
	q := r.queue
	b := q.next
	b.records = append(b.records, rec)
	if in, open := r.state.Pending[rec.ID]; open && rec.Result != nil {
		b.rescue = append(b.rescue, Record{ID: rec.ID, Intent: &in})
	}
	if rec.Bind == nil { // a recovery file has a binding of its own
		b.rescue = append(b.rescue, rec)
	}
	r.state.Apply(rec)
	if rec.Intent != nil {
		if b.intents++; b.intents == q.most {
			close(b.gathered)
		}
	}
	select {
	case q.wake <- struct{}{}:
	default: // it is awake
	}
	return b.wait
}

// commitAll commits until the run ends. After each commit it waits for the session's linger.
// That bounds the number of commits; a record that comes after a pause does not wait for it.
func (r *Run) commitAll() {
	defer close(r.queue.stopped)
	linger := r.session.Linger()
	var next time.Time
	for more := true; more; {
		if _, more = <-r.queue.wake; more {
			time.Sleep(time.Until(next))
			r.gather()
		}
		r.commit()
		next = time.Now().Add(linger)
	}
}

// gather waits for what is appended at the same moment. Workers that were released together append
// their next intents one after the other: once there are as many as in the largest batch so far,
// each of them has. It waits 300 µs at most, since they may be busy with something else.
func (r *Run) gather() {
	r.mu.Lock()
	gathered := r.queue.next.gathered
	r.mu.Unlock()
	select {
	case <-gathered:
	case <-time.After(300 * time.Microsecond):
	}
}

// commit makes what is queued durable, and folds the journal when it is large. On the local disk
// the session is a fileSession: see journal.go.
func (r *Run) commit() {
	ctx := context.Background() // an interrupt ends requests and not their record
	full := r.session.Full()
	q := r.queue
	r.mu.Lock()
	b, err := q.next, cmp.Or(q.err, q.next.err)
	q.next, q.most = newBatch(), max(q.most, b.intents)
	var folded *State // as of this batch
	if full && err == nil {
		folded = r.state.Clone()
		folded.Serial = r.snapshot.Serial + 1
	}
	r.mu.Unlock()
	if err == nil && len(b.records) > 0 {
		err = r.session.Append(ctx, b.records)
	}
	b.err = err
	close(b.done)
	if folded != nil && err == nil {
		folded, err = r.fold(ctx, folded)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	q.err = err
	if b.err != nil {
		q.missed = append(q.missed, b.rescue...)
	}
	if folded != nil && err == nil {
		r.snapshot = folded
	}
}
