package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// The largest files that Files reads, in bytes. A push certificate with its chain has a few
// KiB; a larger file was named by mistake.
const (
	MaxCertificateBytes = 1 << 20
	MaxSecretBytes      = 64 << 10
)

// Reasons why a certificate or a secret cannot be read, for errors.Is. A missing file is
// [fs.ErrNotExist].
var (
	ErrUnset      = errors.New("is not set")
	ErrEmpty      = errors.New("is empty")
	ErrOutside    = errors.New("is outside the certificate root, or a link leads out of it")
	ErrNotRegular = errors.New("is not a regular file")
	ErrTooLarge   = errors.New("is too large")
)

// ReadError says which certificate or secret could not be read, and why. It names the
// environment variable or the file, never a value.
type ReadError struct {
	Pos  Position // the reference in the manifest; zero for a built-in default
	Kind string   // "certificate" or "secret"
	Env  string   // set when the source is an environment variable
	File string   // set when the source is a file, as written in the manifest
	Err  error    // one of the reasons above, or the system's
}

// Error names the place, the source and the reason.
func (e *ReadError) Error() string {
	source := fmt.Sprintf("%s file %q", e.Kind, e.File)
	if e.Env != "" {
		source = "environment variable " + e.Env
	}
	message := source + " " + e.Err.Error()
	if e.Pos == (Position{}) {
		return message
	}
	return e.Pos.String() + ": " + message
}

// Unwrap gives the reason.
func (e *ReadError) Unwrap() error { return e.Err }

// Files reads the certificates and the secrets that a manifest refers to. It reads nothing
// outside of its root: no absolute path, no .., no link that leads out. It reads no FIFO and no
// device. Several goroutines may use it at once.
type Files struct {
	root   *os.Root
	lookup func(string) (string, bool)
}

// NewFiles opens the certificate root, usually [Manifest.CertRoot]; lookupEnv is
// [os.LookupEnv] outside of tests. Close the result when nothing more is to be read.
func NewFiles(root string, lookupEnv func(string) (string, bool)) (*Files, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open the certificate root %q: %w", root, reason(err))
	}
	return &Files{root: r, lookup: lookupEnv}, nil
}

// Close releases the root. Reads that follow fail.
func (f *Files) Close() error { return f.root.Close() }

// ReadCertificate returns the content of a certificate's file, at most 1 MiB. The error is a
// [*ReadError].
func (f *Files) ReadCertificate(c Certificate) ([]byte, error) {
	data, err := f.read(c.Path, MaxCertificateBytes)
	if err == nil && len(data) == 0 {
		err = ErrEmpty
	}
	if err != nil {
		return nil, &ReadError{Pos: c.Pos, Kind: "certificate", File: c.File, Err: err}
	}
	return data, nil
}

// Secret returns the value of a secret. Of a file, which may have 64 KiB, one newline at the
// end is dropped (LF or CRLF), since editors add one. An empty value is an error: a missing
// CI variable often arrives as an empty one. The error is a [*ReadError].
func (f *Files) Secret(s Secret) (string, error) {
	value, err := f.secret(s)
	if err == nil && value == "" {
		err = ErrEmpty
	}
	if err != nil {
		return "", &ReadError{Pos: s.Pos, Kind: "secret", Env: s.Env, File: s.File, Err: err}
	}
	return value, nil
}

func (f *Files) secret(s Secret) (string, error) {
	if s.Env != "" {
		value, ok := f.lookup(s.Env)
		if !ok {
			return "", ErrUnset
		}
		return value, nil
	}
	data, err := f.read(s.Path, MaxSecretBytes)
	if err != nil {
		return "", err
	}
	return WithoutNewline(string(data)), nil
}

// WithoutNewline drops one newline at the end of a secret: editors and echo add it.
func WithoutNewline(secret string) string {
	if cut, ok := strings.CutSuffix(secret, "\n"); ok {
		return strings.TrimSuffix(cut, "\r")
	}
	return secret
}

func (f *Files) read(path string, limit int64) ([]byte, error) {
	file, err := openFile(f.root.OpenFile, path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readRegular(file, limit)
}

// nonblock keeps an open of a FIFO from waiting for somebody to write to it. Windows, whose file
// systems have none, ignores it.
const nonblock = syscall.O_NONBLOCK

// openFile opens a file with [os.OpenFile], or that of an [os.Root].
func openFile(open func(string, int, fs.FileMode) (*os.File, error), path string) (*os.File, error) {
	file, err := open(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, reason(err)
	}
	return file, nil
}

// readRegular reads an open regular file of at most limit bytes. It asks the open file for its
// kind, so the file cannot be exchanged in between.
func readRegular(file *os.File, limit int64) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, reason(err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%w but a directory", ErrNotRegular)
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	if info.Size() > limit {
		return nil, tooLarge(limit)
	}
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(file, limit+1)); err != nil {
		return nil, reason(err)
	}
	if int64(data.Len()) > limit { // it has grown
		return nil, tooLarge(limit)
	}
	return data.Bytes(), nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %s", ErrTooLarge, bytesText(limit))
}

// bytesText formats a size in the largest unit that divides it.
func bytesText(n int64) string {
	switch {
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n > 0 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// reason removes the path from an error of the system, since the message around it names the
// file already, and rewords common errors so that they follow the file's name.
func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return reworded{"does not exist", err}
	case errors.Is(err, fs.ErrPermission):
		return reworded{"may not be read: permission denied", err}
	case err.Error() == "path escapes from parent":
		// The os package keeps this error to itself.
		return ErrOutside
	}
	return reworded{"cannot be read: " + err.Error(), err}
}

// reworded is an error of the system in other words.
type reworded struct {
	text string
	err  error
}

func (r reworded) Error() string { return r.text }

func (r reworded) Unwrap() error { return r.err }
