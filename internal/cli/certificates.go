package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"jpsync/executor"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/planner"
)

// certificates reads the certificate files of a manifest: for the planner, which wants to
// know what is in them, and for the executor, which sends them.
type certificates struct{ files *manifest.Files }

// inspect reads a file and opens it, unless known is its SHA-256.
func (c certificates) inspect(cert manifest.Certificate, known string) (seen planner.Inspection, err error) {
	data, err := c.files.ReadCertificate(cert)
	if err != nil {
		return seen, err
	}
	seen.FileSHA256 = hash(data)
	if seen.FileSHA256 == known {
		return seen, nil
	}
	password, err := c.password(cert.Password, data)
	if err != nil {
		return seen, fmt.Errorf("%s: %w", cert.File, err)
	}
	seen.Password = pushcert.FactsOf(password)
	if seen.Opened, err = open(data, password); err != nil {
		return seen, fmt.Errorf("%s: %w", cert.File, err)
	}
	return seen, nil
}

// Load implements [executor.Certificates]. It refuses a file that holds another certificate
// than the planned one.
func (c certificates) Load(change planner.Change) (loaded executor.Loaded, err error) {
	planned := *change.Certificate
	cert := manifest.Certificate{File: planned.File, Path: planned.Path}
	if p := planned.Password; p != nil {
		cert.Password = &manifest.Secret{Env: p.Env, File: p.File, Path: p.Path}
	}
	if loaded.Data, err = c.files.ReadCertificate(cert); err != nil {
		return loaded, err
	}
	if loaded.Password, err = c.password(cert.Password, loaded.Data); err != nil {
		return loaded, fmt.Errorf("%s: %w", cert.File, err)
	}
	loaded.FileSHA256 = hash(loaded.Data)
	if loaded.FileSHA256 == planned.FileSHA256 {
		return loaded, nil
	}
	// The same certificate exported again is still the planned one, if its key came with it.
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

// password resolves the reference of a file's password. A variable that is set and empty is an
// empty password, which some exports have, unless the file has another one.
func (c certificates) password(ref *manifest.Secret, data []byte) (string, error) {
	if ref == nil {
		return "", nil
	}
	password, err := c.files.Secret(*ref)
	if errors.Is(err, manifest.ErrEmpty) && !locked(data) {
		return "", nil
	}
	return password, err
}

// locked reports whether a file takes a password to open.
func locked(data []byte) bool {
	_, err := pushcert.Inspect(data, "")
	return errors.Is(err, &pushcert.Error{Kind: pushcert.WrongPassword})
}

// open parses a file. A certificate without its key is no error here: the planner's checks
// say what is wrong with it.
func open(data []byte, password string) (*pushcert.Certificate, error) {
	cert, err := pushcert.Inspect(data, password)
	if cert != nil {
		return cert, nil
	}
	return nil, err
}

func hash(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// checkFiles checks that the certificate files of a saved plan are still the planned ones.
func checkFiles(ctx context.Context, files *manifest.Files, p *planner.Plan) error {
	errs := make([]error, len(p.Changes))
	var work []func()
	for i, change := range p.Changes {
		if change.Certificate != nil {
			work = append(work, func() { _, errs[i] = certificates{files}.Load(change) })
		}
	}
	if err := onAllCores(ctx, work); err != nil {
		return err
	}
	var moved []string
	for i, err := range errs {
		if err == nil {
			continue
		}
		file := "the certificate file " + p.Changes[i].Certificate.File
		if has[*movedError](err) {
			moved = append(moved, file+" has changed")
		} else if e, ok := errors.AsType[*manifest.ReadError](err); ok && e.Env == "" { // a variable to set makes no plan stale
			moved = append(moved, file+" or its password cannot be read: "+err.Error())
		} else {
			return err
		}
	}
	if len(moved) > 0 {
		return &planner.StaleError{Changed: moved}
	}
	return nil
}
