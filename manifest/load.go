package manifest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

// DefaultMaxBytes is how much Load reads unless told otherwise. 100,000 apps with two
// certificates each take some 60 MiB.
const DefaultMaxBytes = 256 << 20

// maxFiles and maxApps bound what one manifest has, ten times and more of what is expected.
const (
	maxFiles = 10_000
	maxApps  = 1_000_000
)

// Options say how a manifest is loaded. The zero value is the usual way.
type Options struct {
	// CertRoot is the directory that certificates and secret files must stay under. Empty:
	// the manifest's directory. It has to exist.
	CertRoot string
	// MaxBytes is the most that all files of the manifest may have together; 0 stands for
	// DefaultMaxBytes. A larger file is refused before it is read.
	MaxBytes int64
}

// Load reads a manifest: a file, or a directory and in it every file whose name ends in
// .yaml or .yml and does not begin with a dot, by name, without subdirectories.
//
// A manifest of several files is one manifest. account, policy and defaults stand in one of
// them each, and defaults are for the apps of all. A file that is included has version, apps
// and apps_from, nothing else. Patterns of include are relative to the file that has them, are those
// of [path.Match], and stay under the manifest's directory, also through links; matches are
// read in the order of their names, each file once.
//
// apps_from names a CSV file with more apps, see [Columns] for what is in it. Its path is
// relative to the file that names it and stays under the manifest's directory as well; its
// apps come after those that the same file lists.
//
// What is wrong with the manifest is reported all at once, as [Errors]. Other errors say
// that it could not be read; a missing manifest is [fs.ErrNotExist].
//
// Manifest.SHA256 of a single file is the file's. Of several it is taken over one line for
// each, in the order of reading: the file's SHA-256, two spaces, its path relative to the
// manifest's directory.
func Load(path string, opts Options) (*Manifest, error) {
	return newLoader(path, opts).load()
}

func newLoader(path string, opts Options) *loader {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	return &loader{
		path:       path,
		certRoot:   opts.CertRoot,
		pieceBytes: pieceBytes,
		workers:    aheadWorkers(),
		left:       opts.MaxBytes,
		max:        opts.MaxBytes,
		budget:     maxAliasVisits,
		maxApps:    maxApps,
		once:       make(map[string]Position),
		read:       make(map[string]bool),
		sheets:     make(map[string]Position),
		ids:        make(map[string]int32),
		packages:   make(map[string]int32),
		labelSets:  make(map[string]map[string]string),
	}
}

func (l *loader) load() (*Manifest, error) {
	defer l.close()
	if err := l.open(); err != nil {
		return nil, err
	}
	if err := l.files(); err != nil {
		return nil, err
	}
	return l.finish()
}

// loader is one load under way.
type loader struct {
	path       string   // the manifest as it was given
	base       string   // the manifest's directory, as given
	root       *os.Root // the manifest's directory, open
	single     string   // the name of the manifest in base, empty for a directory
	certRoot   string
	rootPrefix string // the certificate root, absolute, slash-separated, with a slash at the end
	left, max  int64  // bytes that may still be read, and at first
	budget     int64  // nodes that may still be visited
	spent      bool   // the load is given up: budget or maxApps is exceeded
	verbatim   bool   // placeholders are checked and stay

	spot       // in the file that is being read
	pieceBytes int
	workers    int // that read files at the same time
	maxApps    int

	names []string        // of the files in the order of reading
	read  map[string]bool // by path relative to base
	sums  []string        // a line for each file
	// sheets are the CSV files by path relative to base, with the place that names each.
	sheets map[string]Position
	sum    string // of the last file
	errs   collector

	once     map[string]Position // the blocks that may stand once
	hasApps  bool
	account  Account
	policy   Policy
	defaults defaults
	apps     []App
	flags    []unless // one for each app
	ids      map[string]int32
	packages map[string]int32
	// labelSets are the labels that apps share, by labelsName: keys and values in one.
	labelSets  map[string]map[string]string
	labelsName []byte
}

// spot is a file that is being read, and how its lines are counted.
type spot struct {
	file          string // as positions show it
	rel           string // its path relative to the manifest's directory, slash-separated
	dir           string // its directory, absolute, slash-separated
	offset        int    // lines before the piece that is being walked
	gapAfter, gap int    // how many lines the skeleton lacks, and after which
}

// defaults are for every app that does not say otherwise.
type defaults struct {
	group        string
	certificates map[jpush.Environment]Certificate
	dir          string // of the file that has them
}

// open finds out what the manifest is and opens its directory.
func (l *loader) open() error {
	info, err := os.Stat(l.path)
	if err != nil {
		return fmt.Errorf("manifest %q %w", l.path, reason(err))
	}
	l.base = l.path
	if !info.IsDir() {
		l.base, l.single = filepath.Dir(l.path), filepath.Base(l.path)
	}
	if l.root, err = os.OpenRoot(l.base); err != nil {
		return fmt.Errorf("the manifest's directory %q %w", l.base, reason(err))
	}
	if l.certRoot == "" {
		l.certRoot = l.base
	}
	root, err := realDir(l.certRoot)
	if err != nil {
		return fmt.Errorf("the certificate root %q %w", l.certRoot, reason(err))
	}
	l.rootPrefix = strings.TrimSuffix(root, "/") + "/"
	l.policy = Policy{OnExisting: Adopt, RenewBefore: 30 * 24 * time.Hour}
	l.account = Account{DevKey: Secret{Env: "JPUSH_DEV_KEY"}, DevSecret: Secret{Env: "JPUSH_DEV_SECRET"}}
	return nil
}

func (l *loader) close() {
	if l.root != nil {
		l.root.Close()
	}
}

// realDir is the absolute, slash-separated path of a directory without links in it, so that
// two ways to one place compare.
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

// finish applies the defaults, which may stand behind the apps, and makes the manifest.
func (l *loader) finish() (*Manifest, error) {
	if !l.hasApps && len(l.errs.list) == 0 {
		l.errs.add(Position{File: l.names[0], Line: 1, Column: 1}, noApps)
	}
	l.applyDefaults()
	if err := l.errs.errors(l.names); err != nil {
		return nil, err
	}
	m := &Manifest{
		Path: l.path, Files: l.names, SHA256: l.sum, CertRoot: l.certRoot,
		Account: l.account, Policy: l.policy, Apps: l.apps,
	}
	if len(l.sums) > 1 {
		m.SHA256 = hexSum(sha256.New(), []byte(strings.Join(l.sums, "")))
	}
	return m, nil
}

func (l *loader) applyDefaults() {
	d := &l.defaults
	for _, env := range jpush.Environments {
		c, ok := d.certificates[env]
		if !ok {
			continue
		}
		for i := range l.apps {
			if l.flags[i]&own(env) != 0 {
				continue
			}
			filled, problem, at := l.fill(d.dir, &c, &l.apps[i])
			if problem != "" {
				l.errs.add(at, problem)
				continue
			}
			l.apps[i].set(env, filled)
		}
	}
	if d.group == "" {
		return
	}
	for i := range l.apps {
		if l.flags[i]&ownGroup == 0 {
			l.apps[i].GroupName = d.group
		}
	}
}

func (l *loader) pos(n *yaml.Node) Position {
	line := n.Line + l.offset
	if n.Line > l.gapAfter {
		line += l.gap
	}
	return Position{File: l.file, Line: line, Column: n.Column}
}

func (l *loader) errorf(n *yaml.Node, format string, args ...any) {
	l.errs.add(l.pos(n), fmt.Sprintf(format, args...))
}

// check adds what a rule says about the field that n is the value of.
func (l *loader) check(n *yaml.Node, what, problem string) {
	if problem != "" {
		l.errorf(n, "%s %s", what, problem)
	}
}
