package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

// DefaultMaxBytes is how much Load reads unless told otherwise. 100,000 apps with two
// certificates each take some 60 MiB.
const DefaultMaxBytes = 256 << 20

// maxFiles bounds how many files one manifest has.
const maxFiles = 10_000

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
// them each, and defaults are for the apps of all. A file that is included has version and
// apps, nothing else. Patterns of include are relative to the file that has them, are those
// of [path.Match], and stay under the manifest's directory, also through links; matches are
// read in the order of their names, each file once.
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
		left:       opts.MaxBytes,
		max:        opts.MaxBytes,
		budget:     maxAliasVisits,
		once:       make(map[string]Position),
		read:       make(map[string]bool),
		ids:        make(map[string]int32),
		packages:   make(map[string]int32),
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
	spent      bool

	// The file that is being read.
	file          string // as positions show it
	dir           string // its directory, absolute, slash-separated
	offset        int    // lines before the piece that is being walked
	gapAfter, gap int    // how many lines the skeleton lacks, and after which
	pieceBytes    int

	names []string        // of the files in the order of reading
	read  map[string]bool // by path relative to base
	sums  []string        // a line for each file
	sum   string          // of the last file
	errs  collector

	once     map[string]Position // the blocks that may stand once
	hasApps  bool
	account  Account
	policy   Policy
	defaults defaults
	apps     []App
	flags    []unless // one for each app
	ids      map[string]int32
	packages map[string]int32
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

// files reads the manifest's file or all those of its directory.
func (l *loader) files() error {
	if l.single != "" {
		// The file itself is opened as the user names it: a link to it may lead anywhere.
		file, err := os.OpenFile(l.path, os.O_RDONLY|nonblock, 0)
		if err != nil {
			return fmt.Errorf("manifest %q %w", l.path, reason(err))
		}
		return l.one(file, l.single, l.path, false)
	}
	entries, err := os.ReadDir(l.path)
	if err != nil {
		return fmt.Errorf("manifest %q %w", l.path, reason(err))
	}
	found := false
	for _, entry := range entries {
		name := entry.Name()
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" || name[0] == '.' || entry.IsDir() {
			continue
		}
		found = true
		if err := l.member(name, false); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("manifest %q has no .yaml or .yml file in it", l.path)
	}
	return nil
}

// member reads a file of the manifest's directory. rel is slash-separated.
func (l *loader) member(rel string, included bool) error {
	if l.read[rel] {
		return nil
	}
	shown := filepath.Join(l.base, filepath.FromSlash(rel))
	file, err := openIn(l.root, rel)
	if errors.Is(err, ErrOutside) {
		err = errors.New("leaves the manifest's directory, also links may not")
	}
	if err != nil {
		return fmt.Errorf("manifest %q %w", shown, err)
	}
	return l.one(file, rel, shown, included)
}

// one reads an open file, with what it includes, and closes it.
func (l *loader) one(file *os.File, rel, shown string, included bool) error {
	defer file.Close()
	l.read[rel] = true
	if len(l.names) >= maxFiles {
		return fmt.Errorf("manifest %q has more than %d files", l.path, maxFiles)
	}
	l.names = append(l.names, shown)
	data, err := readRegular(file, l.left)
	if err != nil {
		return fmt.Errorf("manifest %q %w", shown, l.together(err))
	}
	l.left -= int64(len(data))
	l.budget += int64(len(data))
	l.sum = hexSum(sha256.New(), data)
	l.sums = append(l.sums, l.sum+"  "+rel+"\n")
	dir, err := realDir(filepath.Dir(shown))
	if err != nil {
		return fmt.Errorf("the directory of manifest %q %w", shown, reason(err))
	}
	l.file, l.dir = shown, dir
	l.content(data, included)
	return nil
}

// together rewords the refusal of a file when it is due to those before it.
func (l *loader) together(err error) error {
	if !errors.Is(err, ErrTooLarge) || l.left == l.max {
		return err
	}
	return fmt.Errorf("%w: all files together have more than %s", ErrTooLarge, bytesText(l.max))
}

func hexSum(h hash.Hash, data []byte) string {
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// finish applies the defaults, which may stand behind the apps, and makes the manifest.
func (l *loader) finish() (*Manifest, error) {
	if !l.hasApps && len(l.errs.list) == 0 {
		l.errs.add(Position{File: l.names[0], Line: 1, Column: 1}, `apps is missing, write "apps: []" for none`)
	}
	l.applyDefaults()
	if err := l.errs.errors(l.names); err != nil {
		return nil, err
	}
	m := &Manifest{
		Path: l.path, SHA256: l.sum, CertRoot: l.certRoot,
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

// include reads what the patterns match. A file that may include is in the manifest's
// directory itself, so that its patterns are relative to that.
func (l *loader) include(n *yaml.Node) {
	patterns, ok := l.items(n, "include")
	if !ok {
		return
	}
	type match struct {
		rel string
		at  Position
	}
	var matches []match
	for _, p := range patterns {
		text, ok := l.text(p, "an entry of include")
		if !ok {
			continue
		}
		found, problem := glob(l.root.FS(), text)
		if problem != "" {
			l.errorf(p, "include %s", problem)
			continue
		}
		slices.Sort(found)
		for _, rel := range found {
			matches = append(matches, match{rel, l.pos(p)})
		}
	}
	for _, m := range matches {
		if err := l.member(m.rel, true); err != nil {
			l.errs.add(m.at, "include: "+err.Error())
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
