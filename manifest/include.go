package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// list returns the manifest's own files: one, or those of a directory.
func (l *loader) list() ([]string, error) {
	if l.only != "" {
		return []string{l.only}, nil
	}
	path := l.manifest.Path
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("manifest %q %w", path, reason(err))
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
		return nil, fmt.Errorf("manifest %q has no .yaml or .yml file in it", path)
	}
	return names, nil
}

// include reads the files that the patterns match. Only a file in the manifest's directory
// itself may include, so its patterns are relative to that directory.
func (r *reader) include(n *yaml.Node) {
	patterns, ok := r.items(n, "include")
	if !ok {
		return
	}
	for _, p := range patterns {
		pattern, ok := r.text(p, "an entry of include")
		if !ok {
			continue
		}
		found, problem := glob(r.loader.root.FS(), pattern)
		if problem != "" {
			r.errorf(p, "include %q %s", clip(pattern), problem)
			continue
		}
		for _, rel := range found {
			if r.loader.read[rel] {
				continue // another pattern matches it too
			}
			if err := r.loader.yamlFile(rel, includedSpec); err != nil {
				r.errorf(p, "include: %s", err)
			}
		}
	}
}

// local makes a path that is written in the file from relative to the manifest's directory, as
// from is, or says what is wrong with it.
func local(from, name string) (rel, problem string) {
	if problem := checkPath(name); problem != "" {
		return "", problem
	}
	rel = path.Join(path.Dir(from), name)
	if !filepath.IsLocal(rel) {
		return "", "leaves the manifest's directory"
	}
	return rel, ""
}

// fewDirectories is a file system of which only so many directories can be read. With links that lead
// back, a pattern of some levels matches millions. It keeps the first error, since [fs.Glob] does not
// return it.
type fewDirectories struct {
	fs.FS
	left    int
	problem string
}

// ReadDir implements [fs.ReadDirFS]. What is no directory is empty, and is not opened: a FIFO would wait
// for somebody to write to it.
func (f *fewDirectories) ReadDir(name string) ([]fs.DirEntry, error) {
	if f.left--; f.left < 0 {
		return nil, fs.ErrInvalid
	}
	info, err := fs.Stat(f.FS, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, nil
	}
	var entries []fs.DirEntry
	if err == nil {
		entries, err = fs.ReadDir(f.FS, name)
	}
	if err != nil && f.problem == "" {
		f.problem = fmt.Sprintf("looks into %q, which %s", name, forManifest(reason(err)))
	}
	return entries, err
}

// glob returns the files of fsys that a pattern matches, in order, or says what is wrong with
// the pattern. As in a shell, only a dot matches a dot that begins a name.
func glob(fsys fs.FS, pattern string) (matches []string, problem string) {
	if problem := checkPath(pattern); problem != "" {
		return nil, problem
	}
	if strings.Contains(pattern, "**") {
		return nil, "has a **, which is not supported: name each level, as in teams/*/*.yaml"
	}
	full := path.Clean(pattern)
	if !filepath.IsLocal(full) {
		return nil, "leaves the manifest's directory"
	}
	if !strings.ContainsAny(full, `*?[\`) {
		return []string{full}, "" // a missing file is found when it is opened
	}
	few := &fewDirectories{FS: fsys, left: maxFiles}
	found, err := fs.Glob(few, full)
	if err != nil {
		return nil, "is not a pattern: a [ or a \\ is not closed"
	}
	if few.left < 0 {
		return nil, fmt.Sprintf("looks into more than %d directories: name them, or remove links that lead back", maxFiles)
	}
	if few.problem != "" {
		return nil, few.problem
	}
	if path.Base(full)[0] != '.' {
		found = slices.DeleteFunc(found, func(name string) bool { return path.Base(name)[0] == '.' })
	}
	if len(found) == 0 {
		return nil, "matches no file"
	}
	slices.Sort(found)
	return found, ""
}
