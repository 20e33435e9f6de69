package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

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
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" || name[0] == '.' || entry.IsDir() {
			continue
		}
		names = append(names, name)
		l.read[name] = true // in its turn, also when another one includes it
	}
	if len(names) == 0 {
		return fmt.Errorf("manifest %q has no .yaml or .yml file in it", l.path)
	}
	return l.members(names, false, func(_ int, err error) error { return err })
}

// members reads files of the manifest's directory one after the other, and has small ones
// made trees ahead of their turn. failed decides what an error comes to.
func (l *loader) members(rels []string, included bool, failed func(i int, err error) error) error {
	a := l.readAhead(rels)
	defer a.stop()
	for i, rel := range rels {
		early := a.take(i)
		if included && l.read[rel] {
			continue // two patterns match it
		}
		if err := l.member(rel, included, early); err != nil {
			if err := failed(i, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// member reads a file of the manifest's directory. rel is slash-separated; early is nil
// unless it was read already.
func (l *loader) member(rel string, included bool, early *early) error {
	if early != nil && int64(len(early.data)) <= l.left && len(l.names) < maxFiles {
		shown := filepath.Join(l.base, filepath.FromSlash(rel))
		l.read[rel] = true
		l.names = append(l.names, shown)
		if err := l.taken(early.data, rel, "manifest", shown); err != nil {
			return err
		}
		l.content(early.data, early.docs, included)
		return nil
	}
	file, shown, err := l.openMember(rel, "manifest")
	if err != nil {
		return err
	}
	return l.one(file, rel, shown, included)
}

// openMember opens a file of the manifest's directory and says how it is shown.
func (l *loader) openMember(rel, what string) (file *os.File, shown string, err error) {
	shown = filepath.Join(l.base, filepath.FromSlash(rel))
	file, err = openIn(l.root, rel)
	if errors.Is(err, ErrOutside) {
		err = errors.New("leaves the manifest's directory, also links may not")
	}
	if err != nil {
		return nil, shown, fmt.Errorf("%s %q %w", what, shown, err)
	}
	return file, shown, nil
}

// one reads an open file, with what it includes, and closes it.
func (l *loader) one(file *os.File, rel, shown string, included bool) error {
	l.read[rel] = true
	data, err := l.take(file, rel, "manifest", shown)
	if err != nil {
		return err
	}
	l.content(data, nil, included)
	return nil
}

// take reads an open file and closes it: from here on it is the one that positions and
// relative paths are about. what says what it is.
func (l *loader) take(file *os.File, rel, what, shown string) ([]byte, error) {
	defer file.Close()
	if len(l.names) >= maxFiles {
		return nil, fmt.Errorf("manifest %q has more than %d files", l.path, maxFiles)
	}
	l.names = append(l.names, shown)
	data, err := readRegular(file, l.left)
	if err != nil {
		return nil, fmt.Errorf("%s %q %w", what, shown, l.together(err))
	}
	return data, l.taken(data, rel, what, shown)
}

// taken accounts for a file that has been read.
func (l *loader) taken(data []byte, rel, what, shown string) error {
	l.left -= int64(len(data))
	l.budget += int64(len(data))
	l.sum = hexSum(sha256.New(), data)
	l.sums = append(l.sums, l.sum+"  "+rel+"\n")
	dir, err := realDir(filepath.Dir(shown))
	if err != nil {
		return fmt.Errorf("the directory of %s %q %w", what, shown, reason(err))
	}
	l.file, l.rel, l.dir = shown, rel, dir
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

// include reads what the patterns match. A file that may include is in the manifest's
// directory itself, so that its patterns are relative to that.
func (l *loader) include(n *yaml.Node) {
	patterns, ok := l.items(n, "include")
	if !ok {
		return
	}
	var rels []string
	var at []Position
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
			rels, at = append(rels, rel), append(at, l.pos(p))
		}
	}
	_ = l.members(rels, true, func(i int, err error) error {
		l.errs.add(at[i], "include: "+err.Error())
		return nil
	})
}

// localPath joins a path to the directory of the file that names it, both relative to the
// manifest's directory, or says what is wrong with it.
func localPath(from, name string) (rel, problem string) {
	switch {
	case name == "":
		return "", "is empty"
	case len(name) > maxPathBytes || strings.ContainsFunc(name, hidden):
		return "", "is no path"
	case isAbsolute(name):
		return "", "is an absolute path, it must be relative to the file that names it"
	}
	rel = path.Join(path.Dir(from), name)
	if !filepath.IsLocal(rel) {
		return "", "leaves the manifest's directory"
	}
	return rel, ""
}

// glob returns the files that a pattern matches, relative to the root of fsys as the pattern
// is, or says what is wrong with the pattern. As in a shell, only a dot matches a dot that
// begins a name.
func glob(fsys fs.FS, pattern string) (matches []string, problem string) {
	switch {
	case pattern == "":
		return nil, "has an empty pattern"
	case len(pattern) > maxPathBytes || strings.ContainsFunc(pattern, hidden):
		return nil, "has a pattern that is no path"
	case strings.Contains(pattern, "**"):
		return nil, strconv.Quote(clip(pattern)) + " has a **, which is not supported: name each level, as in teams/*/*.yaml"
	}
	full := path.Clean(pattern)
	if isAbsolute(pattern) || !filepath.IsLocal(full) {
		return nil, strconv.Quote(clip(pattern)) + " leaves the manifest's directory"
	}
	if !strings.ContainsAny(full, `*?[\`) {
		return []string{full}, "" // whether it is there shows when it is opened
	}
	found, err := fs.Glob(fsys, full)
	if err != nil {
		return nil, strconv.Quote(clip(pattern)) + " is not a pattern: a [ or a \\ is not closed"
	}
	if base := path.Base(full); base[0] != '.' {
		found = slices.DeleteFunc(found, func(name string) bool { return path.Base(name)[0] == '.' })
	}
	if len(found) == 0 {
		return nil, strconv.Quote(clip(pattern)) + " matches no file"
	}
	return found, ""
}
