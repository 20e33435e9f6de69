package sandbox

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// dataFile keeps an account in a file of JSON lines: a header, then one line per change, an
// app's last line being the app. A change costs one write of one line, however large the
// account. Processes that share the file take turns by a lock beside it, and each reads
// what the others wrote before it goes on. The caller of every method holds the server's
// lock. The file is open only under the lock: a server has no Close that could be forgotten.
type dataFile struct {
	path       string
	lock       *flock.Flock
	file       *os.File
	generation string // of the file that was read so far
	size       int64  // of what is read and written so far
	lines      int    // of apps, so far
}

// header is the first line. The generation changes when the file is written anew, so that
// other processes know that what they have read is no longer its beginning.
type header struct {
	Sandbox    int    `json:"jpsync_sandbox"`
	Generation string `json:"generation"`
}

const dataVersion = 1

func openData(path string, a *account) (*dataFile, error) {
	d := &dataFile{path: path, lock: flock.New(path + ".lock")}
	err := d.locked(a, func() error {
		if d.lines > 2*len(a.apps)+100 {
			return d.rewrite(a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// locked runs f while no other process changes the file.
func (d *dataFile) locked(a *account, f func() error) (err error) {
	if err := d.lock.Lock(); err != nil {
		return fmt.Errorf("lock the sandbox's data %s: %w", d.path, err)
	}
	defer func() { err = errors.Join(err, d.lock.Unlock()) }()
	if err := d.open(a); err != nil {
		return fmt.Errorf("open the sandbox's data %s: %w", d.path, err)
	}
	defer func() { err = errors.Join(err, d.file.Close()) }()
	if err := d.catchUp(a); err != nil {
		return fmt.Errorf("read the sandbox's data %s: %w", d.path, err)
	}
	return f()
}

// open writes an empty account where there is none.
func (d *dataFile) open(a *account) error {
	info, err := os.Stat(d.path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0) {
		a.clear()
		err = d.rewrite(a)
	}
	if err != nil {
		return err
	}
	d.file, err = os.OpenFile(d.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if info, err = d.file.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
		err = d.file.Chmod(0o600)
	}
	if err != nil {
		return errors.Join(err, d.file.Close())
	}
	return nil
}

// catchUp reads what was written since. A last line without its end is what a killed
// process left: its request was never answered, so the line is cut off.
func (d *dataFile) catchUp(a *account) error {
	r := bufio.NewReader(d.file)
	first, err := r.ReadBytes('\n')
	var h header
	if err != nil || json.Unmarshal(first, &h) != nil || h.Generation == "" {
		return errors.New("this is no sandbox's file; name another one")
	}
	if h.Sandbox != dataVersion {
		return fmt.Errorf("it has version %d, and this jpsync knows %d", h.Sandbox, dataVersion)
	}
	if h.Generation != d.generation {
		a.clear()
		d.generation, d.size, d.lines = h.Generation, int64(len(first)), 0
	}
	if _, err := d.file.Seek(d.size, io.SeekStart); err != nil {
		return err
	}
	r.Reset(d.file)
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			if len(line) > 0 {
				return d.file.Truncate(d.size)
			}
			return nil
		}
		if err != nil {
			return err
		}
		var app App
		if err := json.Unmarshal(line, &app); err != nil || app.AppKey == "" {
			return fmt.Errorf("line %d is no app; remove the file to start with an empty account", d.lines+2)
		}
		a.put(app)
		d.size += int64(len(line))
		d.lines++
	}
}

func (d *dataFile) append(app App) error {
	line, err := json.Marshal(app)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err := d.file.WriteAt(line, d.size); err != nil {
		return errors.Join(fmt.Errorf("write the sandbox's data: %w", err), d.file.Truncate(d.size))
	}
	d.size += int64(len(line))
	d.lines++
	return nil
}

// rewrite puts a file with one line per app in the place of the one that is there.
func (d *dataFile) rewrite(a *account) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	h := header{dataVersion, rand.Text()}
	err := enc.Encode(h)
	for _, app := range a.apps {
		err = errors.Join(err, enc.Encode(app))
	}
	if err != nil {
		return err
	}
	// CreateTemp makes files of mode 0600.
	temp, err := os.CreateTemp(filepath.Dir(d.path), ".jpsync-sandbox-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(b.Bytes())
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), d.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	d.generation, d.size, d.lines = h.Generation, int64(b.Len()), len(a.apps)
	return nil
}
