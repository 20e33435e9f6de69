package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// roomPerChange is what one request adds to the state at most, in bytes, but for names of
// extraordinary length: two certificates, and JSON around it.
const roomPerChange = 2 << 10

// Open starts the journal. It does nothing when there is one. Call it when it is certain
// that requests will be sent, and before the first: it finds a full disk, a broken one and a
// read-only place, and keeps room for the state at the end. changes is how many requests
// are to come. Nothing stays behind when it fails.
func (r *Run) Open(changes int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open(changes)
}

func (r *Run) open(changes int) error {
	switch {
	case r.finished:
		return errors.New("start the journal: the run has ended")
	case r.journal != nil:
		return nil
	case !r.bound:
		return errors.New("start the journal: the state is bound to no endpoint and account yet")
	}
	if err := r.reserve(changes); err != nil {
		return fmt.Errorf("keep room for the state: %w", err)
	}
	h := header{ID: r.opts.NewID(), Lineage: r.state.Lineage, Serial: r.state.Serial,
		Endpoint: r.state.Endpoint, Account: r.state.Account}
	j, err := createJournal(r.opts.FS, r.opts.Journal, h)
	if err != nil {
		return errors.Join(err, r.dropReserve())
	}
	r.journal, r.id = j, h.ID
	return nil
}

// reserve keeps a file that is as large as the state may get, so that the disk has room for
// it in the end, whatever else fills it meanwhile.
func (r *Run) reserve(changes int) error {
	doc, err := Marshal(r.state)
	if err != nil {
		return err
	}
	r.reserved, err = reserveTemp(r.opts.FS, r.opts.Journal, int64(len(doc)+max(changes, 1)*roomPerChange))
	return err
}

func (r *Run) dropReserve() error {
	if r.reserved == "" {
		return nil
	}
	err := r.opts.FS.Remove(r.reserved)
	r.reserved = ""
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Sent writes that a create or a delete goes out now, whose intent is durable: see
// [Journal.Sent]. From here on it is pending until a result says how it ended. An id has one
// pending request at a time: a later one takes the place of an earlier one.
func (r *Run) Sent(id string, in Intent) (Ack, error) {
	j, err := r.opened(1)
	if err != nil {
		return Ack{}, err
	}
	ack, err := j.Sent(id, in)
	if err != nil {
		return Ack{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	in = in.asWritten()
	r.take(entry{id: id, intent: &in, sent: true})
	return ack, nil
}

// IntendAll writes that creates and deletes are to come, for a window of requests. Send one
// only when the Ack's Wait has returned nil, after a Sent. It calls Open when nobody has.
func (r *Run) IntendAll(all []Planned) (Ack, error) {
	j, err := r.opened(len(all))
	if err != nil {
		return Ack{}, err
	}
	return j.IntendAll(all)
}

// Record writes how a request ended. Report it only when the Ack's Wait has returned nil.
// The result is kept in memory also when the journal fails, for Finish and Recover.
func (r *Run) Record(res Result) (Ack, error) {
	if err := res.check(); err != nil {
		return Ack{}, err
	}
	if res.App != nil {
		a := res.App.asWritten()
		res.App = &a
	}
	j, err := r.opened(1)
	var ack Ack
	if err == nil {
		ack, err = j.Record(res)
	}
	en := entry{id: res.ID, result: &res}
	if err != nil {
		if _, _, err := appendEntry(nil, en, 0, 0, ""); err != nil {
			return Ack{}, err // in memory it would keep everything else from being saved
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(en)
	return ack, err
}

func (r *Run) opened(changes int) (*Journal, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.open(changes); err != nil {
		return nil, err
	}
	return r.journal, nil
}

// SaveError says that the state could not be saved at the end of a run. Nothing is lost as
// long as JournalWhole is true: the next run folds the journal. Otherwise [Run.Recover]
// writes down what only this process knows.
type SaveError struct {
	Location     string
	Journal      string // its path
	JournalWhole bool   // every record is durable there
	Err          error
}

func (e *SaveError) Error() string {
	if e.JournalWhole {
		return fmt.Sprintf("save the state %s: %v; every answer is in %s, and the next run takes it from there",
			e.Location, e.Err, e.Journal)
	}
	return fmt.Sprintf("save the state %s: %v", e.Location, e.Err)
}

func (e *SaveError) Unwrap() error { return e.Err }

// Finish ends the run: it folds the journal into the state, removes it, and gives the lock
// back, which it does in any case. It saves also when ctx is cancelled, since an interrupt
// ends the requests and not their record. A run that changed nothing leaves the state's
// file and serial alone.
//
// A journal that broke during the run is no obstacle: what it should have taken is in
// memory. When the state cannot be saved the error is a [*SaveError].
func (r *Run) Finish(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return nil
	}
	r.finished = true
	if r.journal == nil {
		return r.release()
	}
	return errors.Join(r.save(context.WithoutCancel(ctx)), r.release())
}

// Advance makes Finish save the state with its serial up even if no request succeeds, so that
// whatever is pinned to the serial before cannot be used a second time. Call it in a run that
// has a journal.
func (r *Run) Advance() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance = true
}

func (r *Run) save(ctx context.Context) error {
	broken := r.journal.close()
	dropped := r.dropReserve()
	if r.advance || !sameApps(r.saved, r.state) {
		next := r.final()
		if err := r.store.Write(ctx, next); err != nil {
			return &SaveError{Location: r.store.Location(), Journal: r.opts.Journal, JournalWhole: broken == nil, Err: err}
		}
		r.settle(next)
	}
	return errors.Join(dropped, r.removeJournal())
}

// final is the state as it is to be saved.
func (r *Run) final() *State {
	next := *r.state
	next.Serial = r.saved.Serial + 1
	next.Journal = r.id
	return &next
}

// Recover writes the state as of now to a file of its own, errored.jpsync.state.json or a
// numbered name beside it, in the first of the directories that takes it, and returns its
// path. It is for a run whose Finish failed. The file has mode 0600, is durable, and becomes
// the state when it is put in its place. No file is ever overwritten.
func (r *Run) Recover(dirs ...string) (path string, err error) {
	r.mu.Lock()
	doc, err := Marshal(r.final())
	r.mu.Unlock()
	if err != nil {
		return "", err
	}
	errs := []error{errors.New("write a recovery file: no directory takes it")}
	for _, dir := range dirs {
		path, err := writeNew(r.opts.FS, dir, doc)
		if err == nil {
			return path, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

func writeNew(fsys FS, dir string, doc []byte) (path string, err error) {
	for n := range 1000 {
		path = filepath.Join(dir, "errored.jpsync.state.json")
		if n > 0 {
			path = filepath.Join(dir, fmt.Sprintf("errored.jpsync.state.%d.json", n))
		}
		f, err := fsys.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(doc)
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
		if err == nil {
			err = fsys.SyncDir(dir)
		}
		if err != nil {
			return "", errors.Join(err, fsys.Remove(path))
		}
		return path, nil
	}
	return "", fmt.Errorf("every recovery file's name in %s is taken", dir)
}
