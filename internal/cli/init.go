package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"jpsync/manifest"
)

// template is a manifest whose comments explain each key.
//
//go:embed template.yaml
var template []byte

// ignored is what must not get into a repository that many people read: the state holds
// master secrets.
var ignored = []string{"jpsync.state.json*", "errored.jpsync.state*.json", ".jpsync/"}

type initCmd struct {
	FromCSV  *string     `name:"from-csv" placeholder:"FILE" help:"Take the apps from a CSV file."`
	Encoding csvEncoding `enum:"utf-8,gb18030" default:"utf-8" help:"The CSV file's encoding: utf-8, or gb18030 as Excel writes it in China (${default})."`
}

func (initCmd) Help() string {
	return `Writes a manifest that is all comments and one example app, and adds the state to
.gitignore beside it. A manifest that is there already stays untouched.

With --from-csv the manifest has the apps of a CSV file instead. Its first line names the
columns: ` + strings.Join(manifest.Columns[:6], ", ") + `,
labels.NAME for each label, and for each of development and production as in
certificates.production.file, .password_env and .password_file. A manifest can also read the
file each time: apps_from: {csv: FILE}.

Examples:
  jpsync init
  jpsync init -m push/jpsync.yaml
  jpsync init --from-csv apps.csv

Exit codes: 0 written, 1 error.`
}

// Run writes the manifest, then the lines of .gitignore that are missing.
func (c *initCmd) Run(t *terminal, g *globals) error {
	if err := c.check(g); err != nil {
		return err
	}
	text := template
	if c.FromCSV != nil {
		var err error
		if text, err = c.fromCSV(g); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(g.Manifest, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and stays as it is: edit it, or name another with --manifest", g.Manifest)
	}
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	gitignore := filepath.Join(filepath.Dir(g.Manifest), ".gitignore")
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

// check refuses what would end in another manifest than the one that is wanted, or in none.
func (c *initCmd) check(g *globals) error {
	switch {
	case c.FromCSV != nil && *c.FromCSV == "":
		return errors.New("--from-csv is empty: name the CSV file, is a variable not set?")
	case c.FromCSV == nil && c.Encoding != manifest.UTF8:
		return errors.New("--encoding is about a CSV file: name it with --from-csv")
	}
	dir := filepath.Dir(g.Manifest)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the manifest's directory %q does not exist: make it first", dir)
	}
	return nil
}

// ignore adds the lines of ignored that path lacks and reports whether there were any.
func ignore(path string) (added bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	has := map[string]bool{}
	for _, line := range strings.Split(string(data), "\n") {
		has[strings.TrimSpace(line)] = true
	}
	var add strings.Builder
	if len(data) > 0 && data[len(data)-1] != '\n' {
		add.WriteByte('\n')
	}
	for _, line := range ignored {
		if !has[line] {
			add.WriteString(line + "\n")
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
	_, err = f.WriteString(add.String())
	return true, errors.Join(err, f.Close())
}
