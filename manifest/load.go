package manifest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
// Manifest.SHA256 of a single file is the file's. Of several files it is that of a text with
// one line for each, in the order of reading: the file's SHA-256, two spaces, its path relative
// to the manifest's directory.
func Load(path string, opts Options) (*Manifest, error) {
	return newLoader(path, opts).load()
}

// loader is one load in progress.
type loader struct {
	base       string   // the manifest's directory, as given
	root       *os.Root // the same, open
	certPrefix string   // the certificate root: absolute, slash-separated, with a slash at the end
	left       int64    // how many bytes more may be read
	budget     int64    // nodes that may still be visited
	maxApps    int
	pieceBytes int
	stopped    bool // budget or maxApps is exceeded: nothing more is read
	stateOnly  bool // see LoadState

	manifest *Manifest // what was read so far
	notes    []note    // one for each app
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
		base:       path,
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
			Policy:   Policy{OnExisting: Adopt, RenewBefore: 30 * day},
		},
	}
}

func (l *loader) load() (*Manifest, error) {
	path := l.manifest.Path
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("manifest %q %w", path, reason(err))
	}
	if !info.IsDir() {
		l.base = filepath.Dir(path)
	}
	if l.root, err = os.OpenRoot(l.base); err != nil {
		return nil, fmt.Errorf("the manifest's directory %q %w", l.base, reason(err))
	}
	defer l.root.Close()
	if l.manifest.CertRoot == "" {
		l.manifest.CertRoot = l.base
	}
	certRoot, err := realDir(l.manifest.CertRoot)
	if err != nil {
		return nil, fmt.Errorf("the certificate root %q %w", l.manifest.CertRoot, reason(err))
	}
	l.certPrefix = strings.TrimSuffix(certRoot, "/") + "/"
	if info.IsDir() {
		err = l.directory(path)
	} else {
		err = l.single(path)
	}
	if err != nil {
		return nil, err
	}
	return l.finish()
}

// single reads a manifest of one file. The file is opened as the user names it: a link to it
// may lead anywhere.
func (l *loader) single(path string) error {
	file, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return fmt.Errorf("manifest %q %w", path, reason(err))
	}
	return l.file(file, filepath.Base(path), path, documentSpec)
}

// directory reads all manifest files of a directory.
func (l *loader) directory(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("manifest %q %w", path, reason(err))
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" || name[0] == '.' || entry.IsDir() {
			continue
		}
		names = append(names, name)
		l.read[name] = true // in its turn, also when another file includes it
	}
	if len(names) == 0 {
		return fmt.Errorf("manifest %q has no .yaml or .yml file in it", path)
	}
	for _, name := range names {
		if err := l.member(name, documentSpec); err != nil {
			return err
		}
	}
	return nil
}

// member reads a manifest file of the manifest's directory; rel is slash-separated.
func (l *loader) member(rel string, spec *mappingSpec) error {
	file, shown, err := l.open(rel, "manifest")
	if err != nil {
		return err
	}
	return l.file(file, rel, shown, spec)
}

// file reads an open manifest file, with the files that it names, and closes it.
func (l *loader) file(file *os.File, rel, shown string, spec *mappingSpec) error {
	l.read[rel] = true
	r, data, err := l.reader(file, rel, shown, "manifest")
	if err != nil {
		return err
	}
	if r.stateOnly && !bytes.Contains(data, []byte("state")) {
		return nil
	}
	switch doc := r.parse(data); {
	case doc == nil:
	case r.stateOnly:
		r.stateOf(doc)
	default:
		r.document(doc, spec)
	}
	return nil
}

// open opens a file of the manifest's directory and says how it is shown. what is the kind of
// the file, for messages.
func (l *loader) open(rel, what string) (file *os.File, shown string, err error) {
	shown = filepath.Join(l.base, filepath.FromSlash(rel))
	file, err = openIn(l.root, rel)
	if errors.Is(err, ErrOutside) {
		err = errors.New("is outside the manifest's directory, or a link leads out of it")
	}
	if err != nil {
		return nil, shown, fmt.Errorf("%s %q %w", what, shown, err)
	}
	return file, shown, nil
}

// reader reads the content of an open file, closes it, and returns a reader for its nodes.
func (l *loader) reader(file *os.File, rel, shown, what string) (*reader, []byte, error) {
	defer file.Close()
	m := l.manifest
	if len(m.Files) >= maxFiles {
		return nil, nil, fmt.Errorf("manifest %q has more than %d files", m.Path, maxFiles)
	}
	m.Files = append(m.Files, shown)
	data, err := readRegular(file, l.left)
	if errors.Is(err, ErrTooLarge) && len(m.Files) > 1 {
		err = fmt.Errorf("%w: all files of the manifest may have %s together", ErrTooLarge, bytesText(maxBytes))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s %q %w", what, shown, err)
	}
	l.left -= int64(len(data))
	l.budget += int64(len(data))
	m.SHA256 = fmt.Sprintf("%x", sha256.Sum256(data))
	l.sums = append(l.sums, m.SHA256+"  "+rel+"\n")
	dir, err := realDir(filepath.Dir(shown))
	if err != nil {
		return nil, nil, fmt.Errorf("the directory of %s %q %w", what, shown, reason(err))
	}
	return &reader{loader: l, name: shown, rel: rel, dir: dir}, data, nil
}

// realDir returns the absolute, slash-separated path of a directory without links in it, so
// that two paths of one directory are equal.
func realDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	abs, err = filepath.EvalSymlinks(abs)
	if err != nil {
		return "", err
	}
	return filepath.ToSlash(abs), nil
}

// finish applies the defaults, which may follow the apps, and checks what spans all files.
func (l *loader) finish() (*Manifest, error) {
	m := l.manifest
	if !l.hasApps && !l.stateOnly && len(l.errs.list) == 0 {
		l.errs.add(Position{m.Files[0], 1, 1}, noApps)
	}
	l.checkUnique()
	for i := range m.Apps {
		l.resolve(&m.Apps[i], &l.notes[i])
	}
	if err := l.errs.sorted(m.Files); err != nil {
		return nil, err
	}
	if len(l.sums) > 1 {
		m.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(l.sums, ""))))
	}
	return m, nil
}

// reader reads the nodes of one file. What it finds goes to the loader.
type reader struct {
	*loader
	name string // the file, as positions show it
	rel  string // the file, relative to the manifest's directory, slash-separated
	dir  string // the file's directory, absolute and slash-separated: its paths are relative to it
	line int    // lines of the file before the text that the nodes are from
	// pieces: the file's list of apps was read in pieces, before the rest of the file.
	pieces bool
}

func (r *reader) pos(n *yaml.Node) Position { return Position{r.name, r.line + n.Line, n.Column} }

func (r *reader) errorf(n *yaml.Node, format string, args ...any) {
	r.errs.add(r.pos(n), format, args...)
}

// check reports the problem that a rule found with a field; an empty problem is none.
func (r *reader) check(n *yaml.Node, what, problem string) {
	if problem != "" {
		r.errorf(n, "%s %s", what, problem)
	}
}

// stop ends the load: the manifest exceeds a limit.
func (r *reader) stop(n *yaml.Node, format string, limit int) {
	if !r.stopped {
		r.stopped = true
		r.errs.keep(Error{r.pos(n), fmt.Sprintf(format, limit)})
	}
}
