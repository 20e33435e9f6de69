package state

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempMark stands in the name of every file that is on its way to another name, or that
// only keeps room free. What a killed process leaves of them goes under the next lock.
const tempMark = ".tmp-"

// tempName returns a new name beside path.
func tempName(path string) string { return path + tempMark + rand.Text() }

// writeTemp writes a file beside path that is durable, 0600 from its first byte on, and
// has its final name still to come. It leaves nothing behind when it fails.
func writeTemp(fsys FS, path string, data []byte) (temp string, err error) {
	temp = tempName(path)
	f, err := fsys.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, fsys.Remove(temp))
	}
	return temp, nil
}

// reserveTemp makes a file beside path that only takes up room on the disk: zeros, or blocks
// that were never written, where the system has those.
func reserveTemp(fsys FS, path string, size int64) (temp string, err error) {
	temp = tempName(path)
	f, err := fsys.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	done, err := allocate(f, size)
	if err == nil && !done {
		_, err = f.Write(make([]byte, size))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, fsys.Remove(temp))
	}
	return temp, nil
}

// replace puts data in the place of path. After a crash path has the old content or the
// new, never a part. The caller syncs the directory.
func replace(fsys FS, path string, data []byte) error {
	temp, err := writeTemp(fsys, path, data)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := fsys.Rename(temp, path); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, fsys.Remove(temp)))
	}
	return nil
}

// removeTemps removes what killed processes left beside path. The caller holds the lock.
func removeTemps(fsys FS, path string) error {
	names, err := fsys.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, name := range names {
		own, _, marked := strings.Cut(name, tempMark)
		if base := filepath.Base(path); !marked || (own != base && own != base+backupSuffix) {
			continue
		}
		err := fsys.Remove(filepath.Join(filepath.Dir(path), name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
