package state

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// tempMark stands in the name of every file that is on its way to another name: the name of
// the state, the mark, something random. So whoever holds the state's lock knows every file
// that a killed process left.
const tempMark = ".tmp-"

// createTemp makes a file beside the state, 0600 from its first byte on.
func createTemp(fsys FS, state string) (f Handle, temp string, err error) {
	temp = state + tempMark + rand.Text()[:12]
	f, err = fsys.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	return f, temp, err
}

// WriteFile puts data in the place of the file at path, with mode 0600. The data is synced: after a
// crash the file has the old content or the new, never a part.
func WriteFile(path string, data []byte) error { return atomicWrite(OS{}, path, path, data) }

// atomicWrite puts data in the place of target, a file that belongs to the state. After a
// crash target has the old content or the new, never a part. The caller syncs the directory.
func atomicWrite(fsys FS, state, target string, data []byte) error {
	f, temp, err := createTemp(fsys, state)
	if err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	err = writeSync(f, data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = fsys.Rename(temp, target)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", target, errors.Join(err, fsys.Remove(temp)))
	}
	return nil
}

func writeSync(f Handle, data []byte) error {
	if n, err := f.Write(data); err != nil {
		return fmt.Errorf("%d of %d bytes: %w", n, len(data), err)
	}
	return f.Sync()
}

// removeTemps removes what killed processes left beside the state. The caller holds the lock.
func removeTemps(fsys FS, state string) error {
	dir := filepath.Dir(state)
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	ours := regexp.MustCompile("^" + regexp.QuoteMeta(filepath.Base(state)+tempMark) + "[A-Z2-7]{12}$")
	for _, name := range names {
		if !ours.MatchString(name) {
			continue
		}
		if err := fsys.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncRemove removes a file durably.
func syncRemove(fsys FS, path string) error {
	if err := fsys.Remove(path); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(path))
}
