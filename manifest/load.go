package manifest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"
)

// The limits of a manifest, well above what is expected: 100,000 apps with two certificates each
// take some 60 MiB. maxBytes is for all files together; a larger file is refused before it is read.
const (
	maxBytes = 256 << 20
	maxFiles = 10_000
	maxApps  = 1_000_000
)

// Options control how a manifest is loaded.
type Options struct {
	// CertRoot is the directory that certificates and secret files must stay under. It has to
	// exist. Empty: the manifest's directory.
	CertRoot string
}

// Load reads a manifest: a file, or a directory and in it every file whose name ends in .yaml
// or .yml and does not begin with a dot, by name, without subdirectories.
//
// A manifest of several files is one manifest. state, state_recipients, account, policy and
// defaults appear once in all files, and defaults are for the apps of all. A file that is
// included has version, apps and apps_from, nothing else. Patterns of include are those of
// [path.Match]. They are relative to the file that has them and stay under the manifest's
// directory, also through links. Matches are read in the order of their names, each file once.
//
// apps_from names a CSV file with more apps, see [Columns]. Its path is relative to the file
// that names it and stays under the manifest's directory as well. Its apps follow those that
// the same file lists.
//
// All mistakes are reported at once, as [Errors]. Other errors say that the manifest could not
// be read; a missing manifest is [fs.ErrNotExist].
//
// Manifest.SHA256 of a single file is that of its text: in UTF-8, with lines that end with LF and
// without a byte order mark, since git and editors change these. Of several files it is that of a
// text with one line for each, in the order of reading: the SHA-256 of the file's text, two
// spaces, its path relative to the manifest's directory.
func Load(path string, opts Options) (*Manifest, error) {
	return newLoader(path, opts).load()
}

// loader is one load in progress.
type loader struct {
	base       string   // the manifest's directory, as given
	only       string   // the file's name if the manifest is one, not a directory
	root       *os.Root // base, open
	certRoot   string   // the certificate root: absolute, slash-separated, without links
	left       int64    // how many bytes more may be read
	budget     int64    // nodes that may still be visited
	maxApps    int
	pieceBytes int
	stopped    bool // budget or maxApps is exceeded: nothing more is read

	manifest *Manifest // what was read so far
	origins  []origin  // one for each app
	defaults defaults
	hasApps  bool                // some file says which apps there are
	blocks   map[string]Position // where the blocks are that may appear once
	read     map[string]bool     // the files read or to be read, by path relative to base
	sheets   map[string]Position // the CSV files likewise, with the place that names each
	sums     []string            // a line for each file
	errs     errorList
}

func newLoader(path string, opts Options) *loader {
	return &loader{
		left:       maxBytes,
		budget:     maxAliasVisits,
		maxApps:    maxApps,
		pieceBytes: pieceBytes,
		blocks:     make(map[string]Position),
		read:       make(map[string]bool),
		sheets:     make(map[string]Position),
		manifest: &Manifest{
			Path:     path,
			CertRoot: opts.CertRoot,
			Account:  Account{DevKey: Secret{Env: "JPUSH_DEV_KEY"}, DevSecret: Secret{Env: "JPUSH_DEV_SECRET"}},
			Policy:   Policy{OnExisting: Adopt, RenewBefore: DefaultRenewBefore},
		},
	}
}

// load is the whole work in its order. The apps of a file are read with it, but the defaults may
// follow in a later file: what needs them, or all apps, comes last.
func (l *loader) load() (*Manifest, error) {
	err := l.eachFile(func(rel string) error { return l.yamlFile(rel, documentSpec) })
	if err != nil {
		return nil, err
	}
	m := l.manifest
	if !l.hasApps && len(l.errs.list) == 0 {
		l.errs.add(Position{m.Files[0], 1, 1}, noApps)
	}
	l.checkUnique()
	l.applyDefaults()
	if err := l.errs.sorted(m.Files); err != nil {
		return nil, err
	}
	if len(l.sums) > 1 {
		m.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(l.sums, ""))))
	}
	return m, nil
}

// eachFile opens the directories, calls read for each own file, and closes them: nothing is read
// later.
func (l *loader) eachFile(read func(rel string) error) error {
	if err := l.openRoots(); err != nil {
		return err
	}
	defer l.root.Close()
	files, err := l.list()
	if err != nil {
		return err
	}
	for _, rel := range files {
		if err := read(rel); err != nil {
			return err
		}
	}
	return nil
}

// yamlFile reads a YAML file, with the files that it names. A long list of apps is read in
// pieces if that is possible, before the rest of the file.
func (l *loader) yamlFile(rel string, spec *mappingSpec) error {
	r, text, err := l.readYAML(rel)
	if err != nil {
		return err
	}
	root, pieces := splitApps(text, l.pieceBytes)
	if root == nil { // a short file, or its list cannot be cut
		root = r.parse(text, nil)
	} else if failed := r.appsInPieces(pieces); failed != nil {
		root = r.parse(text, failed) // the file as a whole; otherwise root has no apps any more
	}
	if root != nil {
		r.document(root, spec)
	}
	return nil
}

var (
	documentSpec = &mappingSpec{
		what:     "a manifest",
		keys:     []string{"version", "state", "state_recipients", "account", "policy", "defaults", "include", "apps", "apps_from"},
		textHint: "; a table is named in a manifest: apps_from: {csv: FILE}",
	}
	includedSpec = &mappingSpec{what: "an included file", keys: []string{"version", "apps", "apps_from"}}
)

// noApps is the error of a manifest, or an included file, that does not say which apps there are.
const noApps = `apps is missing, write "apps: []" for none`

// document reads the root node of a file: the manifest itself, or one that it includes.
func (r *reader) document(root *yaml.Node, spec *mappingSpec) {
	if !r.version(root) {
		return
	}
	f, ok := r.mapping(root, spec)
	if f == nil {
		return
	}
	r.state(f)
	r.block(f, "account", r.account)
	r.block(f, "policy", r.policy)
	r.block(f, "defaults", r.readDefaults)
	apps, sheet, include := f["apps"], f["apps_from"], f["include"]
	if given(apps) {
		r.apps(apps)
	}
	if given(sheet) {
		r.appsFrom(sheet)
	}
	if given(include) {
		r.include(include)
	}
	// A file whose apps were all commented out must not be an order to delete them.
	for _, key := range []string{"apps", "apps_from", "include"} {
		if n := f[key]; n != nil && isNull(n) {
			r.errorf(n, `%s has no value: remove it, or write "apps: []" for no apps`, key)
			ok = false
		}
	}
	switch {
	case given(apps) || given(sheet) || given(include):
		r.loader.hasApps = true
	case ok && spec == includedSpec:
		r.loader.errs.add(Position{r.name, 1, 1}, noApps)
	}
}

// version checks the version of a file. It returns false for a version that is not supported:
// nothing else in such a file is checked.
func (r *reader) version(doc *yaml.Node) bool {
	n := valueOf(doc, "version")
	if n == nil {
		if doc.Kind == yaml.MappingNode {
			r.errorf(doc, `version is missing, begin the file with "version: 1"`)
		}
		return true
	}
	switch v := deref(n); {
	case v.Kind != yaml.ScalarNode || v.Tag != "!!int":
		r.errorf(n, "version must be the number 1")
	case v.Value != "1":
		r.errorf(n, "version %s is not supported, this jpsync reads version 1", clip(v.Value))
		return false
	}
	return true
}
