package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gofrs/flock"
)

// dataFile keeps an account in a file of JSON lines: a header, then one line per change.
// An app's last line is its state. Processes can share the file: each change is made under
// a lock beside it, after reading what the others have written. The file is open only under
// that lock, so that a server needs no Close. The server's lock guards all methods.
type dataFile struct {
	path  string
	lock  *flock.Flock
	file  *os.File
	known os.FileInfo // the file that size and lines are about
	size  int64       // how much of it is read
	lines int         // how many apps were in that
}

const (
	dataVersion = 1
	dataHeader  = `{"jpsync_sandbox":1}` + "\n"
)

func openData(path string, a *account) (*dataFile, error) {
	d := &dataFile{path: path, lock: flock.New(path + ".lock")}
	return d, d.locked(a, func() error { return nil })
}

// locked brings the account up to date and runs f, while no other process changes the file.
func (d *dataFile) locked(a *account, f func() error) (err error) {
	if err := d.lock.Lock(); err != nil {
		return fmt.Errorf("lock the sandbox's data %s: %w", d.path, err)
	}
	defer func() { err = errors.Join(err, d.lock.Unlock()) }()
	if d.file, err = os.OpenFile(d.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("open the sandbox's data: %w", err)
	}
	defer func() { err = errors.Join(err, d.file.Close()) }()
	if err := d.catchUp(a); err != nil {
		return fmt.Errorf("read the sandbox's data %s: %w", d.path, err)
	}
	return f()
}

// catchUp reads what other processes have written. A killed one may have left a last line
// without its end. Its request was never answered, so the line is cut off.
func (d *dataFile) catchUp(a *account) error {
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := d.file.Chmod(0o600); err != nil {
			return err
		}
	}
	if d.known == nil || !os.SameFile(d.known, info) || info.Size() < d.size {
		a.clear()
		d.known, d.size, d.lines = info, 0, 0
	}
	if d.size == 0 {
		if err := d.readHeader(); err != nil {
			return err
		}
	}
	if _, err := d.file.Seek(d.size, io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReader(d.file)
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) > 0 {
			return d.file.Truncate(d.size)
		}
		if err == io.EOF {
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

// readHeader reads the first line, and writes it to a file that is new.
func (d *dataFile) readHeader() error {
	line, err := bufio.NewReader(d.file).ReadBytes('\n')
	if err == io.EOF && bytes.HasPrefix([]byte(dataHeader), line) {
		line = []byte(dataHeader)
		_, err = d.file.WriteAt(line, 0)
	}
	if err != nil && err != io.EOF {
		return err
	}
	var h struct {
		Version int `json:"jpsync_sandbox"`
	}
	if json.Unmarshal(line, &h) != nil || h.Version == 0 {
		return errors.New("this is no sandbox's file; name another one")
	}
	if h.Version != dataVersion {
		return fmt.Errorf("it has version %d, and this jpsync knows %d", h.Version, dataVersion)
	}
	d.size = int64(len(line))
	return nil
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
