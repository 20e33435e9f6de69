package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"jpsync/executor"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/planner"
)

// certificates reads the certificate files of a manifest, for the planner, which wants to
// know what is in them, and for the executor, which sends them.
type certificates struct {
	files  *manifest.Files
	opened *openings // nil: nothing is remembered
}

// Inspect implements [planner.Inspector].
func (c certificates) Inspect(cert manifest.Certificate, known string) (planner.Inspection, error) {
	f, err := c.read(cert, known)
	if err != nil || f.known {
		return f.seen, err
	}
	f.seen.Opened, err = c.opened.open(f.sum, f.data, f.password)
	if err != nil {
		code := "unreadable"
		if e, ok := errors.AsType[*pushcert.Error](err); ok {
			code = string(e.Kind)
		}
		return f.seen, &planner.InspectError{Code: code, Err: fmt.Errorf("%s: %w", cert.File, err)}
	}
	return f.seen, nil
}

// Read implements [planner.Inspector].
func (c certificates) Read(cert manifest.Certificate) (planner.Inspection, error) {
	f, err := c.read(cert, "")
	return f.seen, err
}

// unopened is a certificate file with all that it takes to open it.
type unopened struct {
	data     []byte
	sum      [sha256.Size]byte
	known    bool // it is the file that the caller knows
	password string
	seen     planner.Inspection
}

// read reads a file and, unless it is the known one, gets its password.
func (c certificates) read(cert manifest.Certificate, known string) (f unopened, err error) {
	if f.data, err = c.files.ReadCertificate(cert); err != nil {
		return f, &planner.InspectError{Code: planner.CodeUnreadable, Err: err}
	}
	f.sum = sha256.Sum256(f.data)
	f.seen.FileSHA256 = hex.EncodeToString(f.sum[:])
	if f.known = known != "" && f.seen.FileSHA256 == known; f.known {
		return f, nil
	}
	if f.password, err = c.password(cert.Password); err != nil {
		return f, &planner.InspectError{Code: planner.CodePasswordNotAtHand, Err: fmt.Errorf("%s: %w", cert.File, err)}
	}
	f.seen.Password = pushcert.FactsOf(f.password)
	return f, nil
}

// Load implements the executor's view: a planned upload with its bytes and its password. A
// file that holds another certificate than the plan saw is refused.
func (c certificates) Load(change planner.Change) (loaded executor.Loaded, err error) {
	planned := *change.Certificate
	cert := manifest.Certificate{File: planned.File, Path: planned.Path}
	if p := planned.Password; p != nil {
		cert.Password = &manifest.Secret{Env: p.Env, File: p.File, Path: p.Path}
	}
	loaded.Certificate = planned
	if loaded.Data, err = c.files.ReadCertificate(cert); err != nil {
		return loaded, err
	}
	if loaded.Password, err = c.password(cert.Password); err != nil {
		return loaded, fmt.Errorf("%s: %w", cert.File, err)
	}
	sum := sha256.Sum256(loaded.Data)
	if loaded.Certificate.FileSHA256 = hex.EncodeToString(sum[:]); loaded.Certificate.FileSHA256 == planned.FileSHA256 {
		return loaded, nil
	}
	// The same certificate exported anew is still the planned one, unless its key was left out.
	now, err := open(loaded.Data, loaded.Password)
	if err != nil || now.Fingerprint != planned.Fingerprint || !now.KeyMatches {
		return loaded, &movedError{file: cert.File}
	}
	return loaded, nil
}

// movedError refuses a certificate file that is no longer the planned one.
type movedError struct{ file string }

func (e *movedError) Error() string {
	return fmt.Sprintf("the certificate file %s has changed since the plan was made and is not sent: plan again", e.file)
}

// password resolves a reference. A variable that is set and empty is an empty password,
// which some exports have.
func (c certificates) password(ref *manifest.Secret) (string, error) {
	if ref == nil {
		return "", nil
	}
	password, err := c.files.Secret(*ref)
	if errors.Is(err, manifest.ErrEmpty) {
		return "", nil
	}
	return password, err
}

// openings remembers what was found in files, by what they hold and not by their names: one
// certificate is often copied to the places of several apps, and deriving the keys of a file
// takes a millisecond.
type openings struct{ all sync.Map } // of opening to func() (*pushcert.Certificate, error)

type opening struct {
	sum      [sha256.Size]byte
	password string
}

func (o *openings) open(sum [sha256.Size]byte, data []byte, password string) (*pushcert.Certificate, error) {
	if o == nil {
		return open(data, password)
	}
	once, _ := o.all.LoadOrStore(opening{sum, password}, sync.OnceValues(func() (*pushcert.Certificate, error) {
		return open(data, password)
	}))
	return once.(func() (*pushcert.Certificate, error))()
}

// open looks into a file. A certificate without its key is a certificate that may not be
// sent, which the planner's checks say better than an error.
func open(data []byte, password string) (*pushcert.Certificate, error) {
	cert, err := pushcert.Inspect(data, password)
	if cert != nil {
		return cert, nil
	}
	return nil, err
}
