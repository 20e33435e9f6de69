package manifest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

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

// readYAML is readFile for a YAML file, whose text is made plain.
func (l *loader) readYAML(rel string) (*reader, []byte, error) {
	r, text, err := l.readFile(rel, "manifest")
	if err != nil {
		return nil, nil, err
	}
	text = plainText(text)
	l.pin(rel, text)
	return r, text, nil
}

// readFile reads a file of the manifest's directory and returns a reader for the nodes of its
// text. rel is slash-separated. kind is the kind of the file, for messages.
func (l *loader) readFile(rel, kind string) (r *reader, text []byte, err error) {
	m := l.manifest
	if len(m.Files) >= maxFiles {
		return nil, nil, fmt.Errorf("manifest %q has more than %d files", m.Path, maxFiles)
	}
	open, path, shown := l.root.OpenFile, rel, filepath.Join(l.base, filepath.FromSlash(rel))
	if l.only != "" && len(m.Files) == 0 {
		// A manifest of one file is opened as the user names it: a link to it may lead anywhere.
		open, path, shown = os.OpenFile, m.Path, m.Path
	}
	file, err := openFile(open, path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %q %w", kind, shown, forManifest(err))
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

// forManifest rewords a reason for what has to be in the manifest's directory, not the certificate root.
func forManifest(err error) error {
	if errors.Is(err, ErrOutside) {
		return errors.New("is outside the manifest's directory, or a link leads out of it")
	}
	return err
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

// pin adds the text of a file to what Manifest.SHA256 is of.
func (l *loader) pin(rel string, text []byte) {
	l.manifest.SHA256 = fmt.Sprintf("%x", sha256.Sum256(text))
	l.sums = append(l.sums, l.manifest.SHA256+"  "+rel+"\n")
}
