//go:build !windows

package state

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

func openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}

func rename(from, to string) error { return os.Rename(from, to) }

func remove(name string) error { return os.Remove(name) }

// lockFile uses flock(2) where there is one: no other handle on the file can drop such a lock
// by closing.
func lockFile(name string) (unlock func() error, ok bool, err error) {
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	if ok, err = lock.TryLock(); err != nil || !ok {
		return nil, false, errors.Join(err, lock.Close())
	}
	return lock.Close, true, nil
}
