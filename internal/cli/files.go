package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"jpsync/manifest"
)

// readFile reads a file of at most limit bytes. Of a larger one it returns the start beside the error.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}

// readAll reads what r has, at most limit bytes of it. name is what an error calls r.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &os.PathError{Op: "read", Path: name, Err: fmt.Errorf("more than %d bytes", limit)}
	}
	return data, err
}

// refuseOverwrite refuses to write to a file that jpsync needs: one of the state, the manifest
// with its includes and tables, a certificate, a file with a secret. flag is the one that names
// path. Without a manifest, m is nil.
func (g *globals) refuseOverwrite(flag, path string, state []string, m *manifest.Manifest) error {
	needed := append([]string{g.Manifest}, state...)
	if m != nil {
		needed = append(needed, m.Files...)
		for _, s := range secretsOf(m) {
			if s.Path != "" {
				needed = append(needed, underRoot(m, s.Path))
			}
		}
		for i := range m.Apps {
			for _, c := range m.Apps[i].Certificates {
				needed = append(needed, underRoot(m, c.Path))
			}
		}
	}
	for _, file := range needed {
		if sameFile(path, file) {
			return refused(fmt.Errorf("%s %s would overwrite %s, which jpsync needs: name another file", flag, path, file))
		}
	}
	return nil
}

// secretsOf lists a manifest's references to secrets.
func secretsOf(m *manifest.Manifest) []manifest.Secret {
	secrets := []manifest.Secret{m.Account.DevKey, m.Account.DevSecret}
	for i := range m.Apps {
		for _, c := range m.Apps[i].Certificates {
			if c.Password != nil {
				secrets = append(secrets, *c.Password)
			}
		}
	}
	return secrets
}

// underRoot returns the path of a certificate or secret file for the operating system.
func underRoot(m *manifest.Manifest, path string) string {
	return filepath.Join(m.CertRoot, filepath.FromSlash(path))
}

// sameFile reports whether two paths name one file, which need not exist.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if x, err := os.Stat(a); err == nil {
		if y, err := os.Stat(b); err == nil {
			return os.SameFile(x, y)
		}
	}
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}
