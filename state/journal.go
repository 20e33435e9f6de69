package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Journal takes what happens during an apply: an intent before each create and delete, the
// result after each call. A record is with the operating system when the call that writes
// it returns, so it survives the process; it survives a power loss once its [Ack] says so.
//
// The file is lines of JSON, numbered and chained by checksum. The header says which state
// the journal continues.
//
// A journal that could not be written or synced once is broken for good: nobody knows what
// of it is on the disk, and a second fsync may succeed without having written anything.
// Every later call returns the first error.
//
// All methods may be called from several goroutines.
type Journal struct {
	path string
	file Handle

	mu      sync.Mutex
	cond    *sync.Cond // a sync has ended
	sum     string     // of the last record
	lines   []byte     // what was written last, to be used again
	written int64      // records, the header included
	synced  int64      // records that are durable
	syncing bool
	err     error // the journal is broken
}

// createJournal starts a journal at path, durable with its header in it. The file gets its
// name only when the header is whole, so a journal without one is a damaged journal.
func createJournal(fsys FS, path string, h header) (*Journal, error) {
	line, sum, err := encodeHeader(h)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*Journal, error) {
		return nil, fmt.Errorf("start the journal %s: %w", path, err)
	}
	temp := tempName(path)
	f, err := fsys.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fail(err)
	}
	_, err = f.Write(line)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fsys.Rename(temp, path)
	}
	if err != nil {
		return fail(errors.Join(err, f.Close(), fsys.Remove(temp)))
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return fail(errors.Join(err, f.Close(), fsys.Remove(path)))
	}
	j := &Journal{path: path, file: f, sum: sum, written: 1, synced: 1}
	j.cond = sync.NewCond(&j.mu)
	return j, nil
}

// Ack is the promise that a record gets durable.
type Ack struct {
	j   *Journal
	seq int64 // how many records have to be durable
}

// errNoRecord is what the zero Ack says, which comes with an error that was passed over.
var errNoRecord = errors.New("wait for a record that was never written")

// Wait returns nil once the record survives a power loss. Whoever waits at the same time
// shares one fsync.
func (a Ack) Wait() error {
	if a.j == nil {
		return errNoRecord
	}
	return a.j.sync(a.seq)
}

// Sent writes that the request of an intent goes out now. It has to be written, not synced:
// a process that is killed leaves it behind, and after a power loss that takes it, what the
// request made counts as somebody else's, which is the safe side.
func (j *Journal) Sent(id string, in Intent) (Ack, error) {
	if id == "" {
		return Ack{}, errors.New("a request is about no id")
	}
	in = in.asWritten()
	return j.append([]entry{{id: id, intent: &in, sent: true}})
}

// Planned is an intent with the id of its app.
type Planned struct {
	ID     string
	Intent Intent
}

// IntendAll writes that requests are to come, several at once. Send them only when the Ack's
// Wait has returned nil, each after a Sent. An intent that nothing comes of needs no more.
func (j *Journal) IntendAll(all []Planned) (Ack, error) {
	entries := make([]entry, len(all))
	for i, p := range all {
		if p.ID == "" {
			return Ack{}, errors.New("an intent is about no id")
		}
		in := p.Intent.asWritten()
		entries[i] = entry{id: p.ID, intent: &in}
	}
	return j.append(entries)
}

// Record writes how a request ended. Report it only when the Ack's Wait has returned nil.
func (j *Journal) Record(r Result) (Ack, error) {
	if err := r.check(); err != nil {
		return Ack{}, err
	}
	if r.App != nil {
		a := r.App.asWritten()
		r.App = &a
	}
	return j.append([]entry{{id: r.ID, result: &r}})
}

// append hands the records to the operating system in one write.
func (j *Journal) append(entries []entry) (Ack, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return Ack{}, j.err
	}
	lines, sum := j.lines[:0], j.sum
	for i, en := range entries {
		var err error
		if lines, sum, err = appendEntry(lines, en, j.written+int64(i), j.synced, sum); err != nil {
			return Ack{}, err // nothing is written yet, so nothing is broken
		}
	}
	j.lines = lines
	if n, err := j.file.Write(lines); err != nil {
		j.err = fmt.Errorf("write to the journal %s: %d of %d bytes: %w", j.path, n, len(lines), err)
		j.cond.Broadcast()
		return Ack{}, j.err
	}
	j.sum = sum
	j.written += int64(len(entries))
	return Ack{j: j, seq: j.written}, nil
}

// sync returns when the first n records are durable. One goroutine syncs for all that came
// until then; who comes later waits for the next.
func (j *Journal) sync(n int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.synced < n {
		switch {
		case j.err != nil:
			return j.err
		case j.syncing:
			j.cond.Wait()
		default:
			j.flush()
		}
	}
	return nil
}

// flush syncs what is written. The lock is open meanwhile, so that others can write.
func (j *Journal) flush() {
	j.syncing = true
	upTo := j.written
	j.mu.Unlock()
	err := j.file.Sync()
	j.mu.Lock()
	j.syncing = false
	if err != nil {
		if j.err == nil {
			j.err = fmt.Errorf("sync the journal %s: %w", j.path, err)
		}
	} else {
		j.synced = upTo
	}
	j.cond.Broadcast()
}

// errJournalClosed is what a journal says after its end.
var errJournalClosed = errors.New("the journal is closed")

// close makes everything durable that was written and closes the file, which stays. It
// returns what broke the journal, if anything did.
func (j *Journal) close() error {
	j.mu.Lock()
	written, broken := j.written, j.err
	j.mu.Unlock()
	if errors.Is(broken, errJournalClosed) {
		return nil
	}
	if broken == nil {
		broken = j.sync(written)
	}
	err := j.file.Close()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = errJournalClosed
	j.cond.Broadcast()
	return errors.Join(broken, err)
}
