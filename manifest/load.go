package manifest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
			Policy:   Policy{OnExisting: Adopt, RenewBefore: 30 * day},
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

// eachFile calls read for each of the manifest's own files.
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

// openRoots opens the manifest's directory and finds the certificate root.
func (l *loader) openRoots() error {
	m := l.manifest
	info, err := os.Stat(m.Path)
	if err != nil {
		return fmt.Errorf("manifest %q %w", m.Path, reason(err))
	}
	l.base = m.Path
	if !info.IsDir() {
		l.base, l.only = filepath.Dir(m.Path), filepath.Base(m.Path)
	}
	root, err := os.OpenRoot(l.base)
	if err != nil {
		return fmt.Errorf("the manifest's directory %q %w", l.base, reason(err))
	}
	if m.CertRoot == "" {
		m.CertRoot = l.base
	}
	if l.certRoot, err = realDir(m.CertRoot); err != nil {
		root.Close()
		return fmt.Errorf("the certificate root %q %w", m.CertRoot, reason(err))
	}
	l.root = root
	return nil
}

// pin adds the text of a file to what Manifest.SHA256 is of.
func (l *loader) pin(rel string, text []byte) {
	l.manifest.SHA256 = fmt.Sprintf("%x", sha256.Sum256(text))
	l.sums = append(l.sums, l.manifest.SHA256+"  "+rel+"\n")
}

// readFile reads a file of the manifest's directory and returns a reader for the nodes of its
// text. rel is slash-separated. kind is the kind of the file, for messages.
func (l *loader) readFile(rel, kind string) (r *reader, text []byte, err error) {
	m := l.manifest
	if len(m.Files) >= maxFiles {
		return nil, nil, fmt.Errorf("manifest %q has more than %d files", m.Path, maxFiles)
	}
	file, shown, err := l.openFile(rel)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %q %w", kind, shown, err)
	}
	defer file.Close()
	l.read[rel] = true
	m.Files = append(m.Files, shown)
	text, err = readRegular(file, l.left)
	if errors.Is(err, ErrTooLarge) && len(m.Files) > 1 {
		err = fmt.Errorf("%w: all files of the manifest may have %s together", ErrTooLarge, bytesText(maxBytes))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s %q %w", kind, shown, err)
	}
	l.left -= int64(len(text))
	l.budget += int64(len(text))
	dir, err := realDir(filepath.Dir(shown))
	if err != nil {
		return nil, nil, fmt.Errorf("the directory of %s %q %w", kind, shown, reason(err))
	}
	return &reader{loader: l, name: shown, rel: rel, dir: dir}, text, nil
}

// openFile opens a file and says how it is shown. A manifest of one file is opened as the user
// names it: a link to it may lead anywhere.
func (l *loader) openFile(rel string) (file *os.File, shown string, err error) {
	if l.only != "" && len(l.manifest.Files) == 0 {
		shown = l.manifest.Path
		if file, err = os.OpenFile(shown, os.O_RDONLY|nonblock, 0); err != nil {
			err = reason(err)
		}
	} else {
		shown = filepath.Join(l.base, filepath.FromSlash(rel))
		file, err = openIn(l.root, rel)
	}
	if errors.Is(err, ErrOutside) {
		err = errors.New("is outside the manifest's directory, or a link leads out of it")
	}
	return file, shown, err
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
