package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// recoveryName is what recovery files are called; the second one in a directory ends in .2.
const recoveryName = "errored.jpsync.journal"

// WriteRecovery writes a recovery file, in the first of the directories that takes it, and returns
// its path. It is for a run whose Finish failed. The file has what [Run.RecoveryFile] returns and
// is called errored.jpsync.journal; it has mode 0600 and is durable. No file is ever
// overwritten.
func (r *Run) WriteRecovery(dirs ...string) (path string, err error) {
	data, err := r.RecoveryFile()
	if err != nil {
		return "", err
	}
	errs := []error{errors.New("write a recovery file: no directory takes it")}
	for _, dir := range dirs {
		path, err := writeNew(r.opts.FS, dir, data)
		if err == nil {
			return path, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// RecoveryFile returns what the run knows and the saved state does not, as a journal for
// [Recover]. Once the lease is lost, that is what did not become durable: with the rest
// another run may have gone on. With recipients no secret in it is clear.
func (r *Run) RecoveryFile() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	records := []Record{{Bind: &Binding{Lineage: r.state.Lineage, Endpoint: r.state.Endpoint, Account: r.state.Account}}}
	if r.queue != nil && r.lost() != nil {
		records = append(records, r.queue.missed...)
	} else {
		records = append(records, changes(r.snapshot, r.state)...)
	}
	for i := range records {
		rec, err := records[i].Checked() // a copy
		if err == nil {
			err = r.opts.Recipients.encryptRecord(rec)
		}
		if err != nil {
			return nil, err
		}
		records[i] = rec
	}
	var w journalWriter
	if err := w.add(header{ID: r.opts.NewID(), Version: Version, Serial: r.snapshot.Serial}); err != nil {
		return nil, err
	}
	if err := w.addAll(records); err != nil {
		return nil, err
	}
	return w.lines.Bytes(), nil
}

// changes returns the records that make one state of another. A delete and the end of a pending request
// come with their intent: it has the app key, and tells which request has ended.
func changes(from, to *State) (records []Record) {
	for _, id := range differing(from.Apps, to.Apps) {
		before, had := from.Apps[id]
		after, has := to.Apps[id]
		if had && before.AppKey != after.AppKey {
			records = append(records,
				Record{ID: id, Intent: &Intent{Op: OpDelete, AppKey: before.AppKey}},
				Record{ID: id, Result: &Result{Op: OpDelete}})
		}
		if has {
			records = append(records, Record{ID: id, Result: &Result{Op: OpRecord, App: &after}})
		}
	}
	for _, id := range differing(from.Pending, to.Pending) {
		if before, had := from.Pending[id]; had {
			records = append(records,
				Record{ID: id, Intent: &before},
				Record{ID: id, Result: &Result{Op: before.Op, Failed: true}})
		}
		if after, has := to.Pending[id]; has {
			records = append(records, Record{ID: id, Intent: &after})
		}
	}
	return records
}

func writeNew(fsys FS, dir string, data []byte) (path string, err error) {
	for n := range 1000 {
		path = filepath.Join(dir, numbered(recoveryName, n))
		f, err := fsys.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		err = writeSync(f, data)
		if err = errors.Join(err, f.Close()); err == nil {
			err = fsys.SyncDir(dir)
		}
		if err != nil {
			return "", fmt.Errorf("write %s: %w", path, errors.Join(err, fsys.Remove(path)))
		}
		return path, nil
	}
	return "", fmt.Errorf("there are 1,000 recovery files in %s: move them away", dir)
}
