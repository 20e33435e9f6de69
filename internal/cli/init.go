package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// template is a manifest with a comment on each key.
//
//go:embed template.yaml
var template []byte

// ignored keeps the state out of the repository, because it holds master secrets.
var ignored = []string{"jpsync.state.json*", "errored.jpsync.journal*", ".jpsync/"}

type initCmd struct{}

// Run writes the manifest, then the lines that .gitignore lacks.
func (initCmd) Run(t *terminal, g *globals) error {
	dir := filepath.Dir(g.Manifest)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the manifest's directory %q does not exist: make it first", dir)
	}
	f, err := os.OpenFile(g.Manifest, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and is left as it is: edit it, or name another with --manifest", g.Manifest)
	}
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	_, err = f.Write(template)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	gitignore := filepath.Join(dir, ".gitignore")
	added, err := ignore(gitignore)
	if err != nil {
		return fmt.Errorf("keep the state out of git: %w", err)
	}
	fmt.Fprintf(t.Out, "wrote %s\n", g.Manifest)
	if added {
		fmt.Fprintf(t.Out, "added the state to %s\n", gitignore)
	}
	rehearsal := *g
	rehearsal.Sandbox = true
	t.info("edit the manifest, then try it without an account: jpsync plan%s", rehearsal.sameFlags())
	return nil
}

// ignore adds to the file at path the lines of ignored that it lacks, and reports whether it
// added any.
func ignore(path string) (added bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	lines := strings.Split(string(data), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	text := ""
	if len(data) > 0 && data[len(data)-1] != '\n' {
		text = "\n"
	}
	for _, line := range ignored {
		if !slices.Contains(lines, line) {
			text += line + "\n"
			added = true
		}
	}
	if !added {
		return false, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return false, err
	}
	_, err = f.WriteString(text)
	return true, errors.Join(err, f.Close())
}
