package state

import (
	"errors"
	"os"
	"syscall"
)

// allocate reserves blocks for a new file, without writing to them: fallocate(2). done is
// false where the file system knows no such thing.
func allocate(h Handle, size int64) (done bool, err error) {
	f, ok := h.(*os.File)
	if !ok {
		return false, nil
	}
	for {
		err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
		if err != syscall.EINTR {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS):
		return false, nil
	case err != nil:
		return false, &os.PathError{Op: "allocate", Path: f.Name(), Err: err}
	}
	return true, nil
}
