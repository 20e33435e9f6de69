package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"jpsync/manifest"
)

// spare refuses to let a file that a flag names take the place of one that jpsync lives on:
// the state and the files beside it, the manifest, its includes and tables, a certificate, a
// secret. m may be nil, where there is no manifest.
func (g *globals) spare(flag, path string, state string, m *manifest.Manifest) error {
	kept := []string{g.Manifest, state, state + backupSuffix, state + journalSuffix, state + lockSuffix}
	if m != nil {
		kept = append(kept, m.Files...)
		kept = append(kept, named(m)...)
	}
	for _, keep := range kept {
		if same(path, keep) {
			return refused(fmt.Errorf("%s %s would replace %s, which stays as it is: name another file", flag, path, keep))
		}
	}
	return nil
}

// named lists the certificates and secret files that a manifest names.
func named(m *manifest.Manifest) []string {
	var paths []string
	add := func(path string) { paths = append(paths, filepath.Join(m.CertRoot, filepath.FromSlash(path))) }
	secret := func(s *manifest.Secret) {
		if s != nil && s.Path != "" {
			add(s.Path)
		}
	}
	secret(&m.Account.DevKey)
	secret(&m.Account.DevSecret)
	for i := range m.Apps {
		for _, c := range m.Apps[i].Certificates {
			add(c.Path)
			secret(c.Password)
		}
	}
	return paths
}

// same reports whether two paths are one file, there already or not.
func same(a, b string) bool {
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
