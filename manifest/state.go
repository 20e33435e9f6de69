package manifest

import (
	"bytes"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// StateSettings are what a manifest says about the state.
type StateSettings struct {
	// Location is a URL as it is written, or a path: one that is relative to the file that
	// names it is joined with that file's directory. Empty: the manifest does not say.
	Location string
	// Recipients are the public keys of those who may read master secrets, as written.
	Recipients []string
}

// LoadState reads state and state_recipients of a manifest and little more, so that the state
// can be read before the apps are, or without them. Mistakes elsewhere in the manifest are no
// error. Otherwise its errors are those of [Load].
func LoadState(path string) (StateSettings, error) {
	l := newLoader(path, Options{})
	if err := l.eachFile(l.stateFile); err != nil {
		return StateSettings{}, err
	}
	if err := l.errs.sorted(l.manifest.Files); err != nil {
		return StateSettings{}, err
	}
	return l.manifest.State, nil
}

// stateFile reads what a file says about the state. A list of apps is left out if it can be.
func (l *loader) stateFile(rel string) error {
	r, text, err := l.readYAML(rel)
	if err != nil || !mayNameState(text) {
		return err
	}
	root, _ := splitApps(text, l.pieceBytes)
	if root == nil {
		root = r.parse(text, nil)
	}
	if root == nil || !isMapping(root) {
		return nil
	}
	f, _ := r.mapping(root, stateSpec)
	r.state(f)
	return nil
}

// stateSpec passes over the keys of a manifest that are not about the state.
var stateSpec = &mappingSpec{what: documentSpec.what, keys: documentSpec.keys, only: []string{"state", "state_recipients"}}

// mayNameState reports whether a file may have a key about the state, perhaps misspelled. Most files
// have none, and are not parsed.
func mayNameState(text []byte) bool {
	if bytes.Contains(text, []byte("state")) || bytes.Contains(text, []byte(`\`)) { // a key may be escaped
		return true
	}
	for line := range bytes.Lines(text) {
		if line[0] == ' ' || line[0] == '-' {
			continue // it is no key of the manifest itself
		}
		if key, _, found := bytes.Cut(line, []byte(":")); found && !stateSpec.ignores(string(key)) {
			return true
		}
	}
	return false
}

// state reads the keys about the state.
func (r *reader) state(f fields) {
	r.block(f, "state", func(n *yaml.Node) { r.loader.manifest.State.Location = r.stateLocation(n) })
	r.block(f, "state_recipients", func(n *yaml.Node) { r.loader.manifest.State.Recipients = r.stateRecipients(n) })
}

// stateLocation does not repeat the location: it may hold a password by mistake.
func (r *reader) stateLocation(n *yaml.Node) string {
	s, ok := r.text(n, "state")
	switch {
	case !ok:
		return ""
	case s == "":
		r.errorf(n, "state is empty: it is a path, s3://BUCKET/PREFIX or postgres://USER@HOST/DB")
	case len(s) > maxPathBytes:
		r.errorf(n, "state is too long for a location")
	case strings.ContainsFunc(s, hidden):
		r.errorf(n, "state contains an invisible character")
	}
	// On Windows a path from the root of the current drive is not absolute.
	if strings.Contains(s, "://") || filepath.IsAbs(s) || strings.HasPrefix(filepath.ToSlash(s), "/") {
		return s
	}
	return filepath.Join(filepath.Dir(r.name), filepath.FromSlash(s))
}

// stateRecipients does not repeat a key: it may be the secret one by mistake.
func (r *reader) stateRecipients(n *yaml.Node) []string {
	entries, ok := r.items(n, "state_recipients")
	if !ok {
		return nil
	}
	var keys []string
	for _, entry := range entries {
		key, ok := r.text(entry, "an entry of state_recipients")
		if ok && !strings.HasPrefix(key, "age1") {
			r.errorf(entry, "an entry of state_recipients is no public key of age: it begins with age1")
		}
		keys = append(keys, key)
	}
	return keys
}
