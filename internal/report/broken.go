package report

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"jpsync/manifest"
	"jpsync/planner"
)

// Broken is a command that ended before it had a plan: because its manifest could not be read, or for
// another reason.
type Broken struct {
	Command  string // plan or apply
	Version  string // of jpsync
	Manifest string // as it was given; empty if it is not to blame
	Err      error
	ExitCode int
}

// errors are all mistakes in the manifest, or the one reason why there is no plan.
func (b Broken) errors() manifest.Errors {
	if list, ok := errors.AsType[manifest.Errors](b.Err); ok {
		return list
	}
	return manifest.Errors{{Pos: manifest.Position{File: b.Manifest}, Message: b.Err.Error()}}
}

// Counts are the number of errors and the exit code.
func (b Broken) Counts() []Count {
	return []Count{number("errors", b.errors().Count()), number("exit_code", b.ExitCode)}
}

// BrokenJSON writes the errors with their places, as one indented JSON object. GitLab shows it as a
// plan that failed, since the counts are missing.
func BrokenJSON(w io.Writer, b Broken) error {
	type place struct {
		File    string `json:"file,omitempty"`
		Line    int    `json:"line,omitempty"` // unknown of a file that could not be read
		Column  int    `json:"column,omitempty"`
		Message string `json:"message"`
	}
	var places []place
	for _, e := range b.errors() {
		places = append(places, place{e.Pos.File, e.Pos.Line, e.Pos.Column, e.Message})
	}
	return JSON(w, struct {
		FormatVersion int            `json:"format_version"`
		JPSyncVersion string         `json:"jpsync_version"`
		Errors        []place        `json:"errors"`
		Summary       map[string]int `json:"summary"`
	}{planner.FormatVersion, b.Version, places, map[string]int{"errors": b.errors().Count(), "exit_code": b.ExitCode}})
}

// BrokenMarkdown writes the errors as a list. What does not fit is counted.
func BrokenMarkdown(w io.Writer, b Broken) error {
	m := &markdown{}
	title := "the manifest cannot be read"
	if b.Manifest == "" {
		title = "there is no plan"
	}
	fmt.Fprintf(m, "### jpsync: %s\n\n%s. Exit code %d.\n", title, Plural(b.errors().Count(), "error"), b.ExitCode)
	list := section{title: "Errors"}
	for _, e := range b.errors() {
		list.add(remark{app: b.place(e), text: strings.ReplaceAll(e.Message, "\n", "; ")})
	}
	m.sections(list)
	_, err := io.WriteString(w, m.String())
	return err
}

// BrokenJUnit writes a failed test case for each error, with its file as the class.
func BrokenJUnit(w io.Writer, b Broken) error {
	s := testSuite{Name: "jpsync " + b.Command, Time: "0.000"}
	for _, e := range b.errors() {
		if b.Manifest == "" {
			s.add("jpsync", b.Command, &testFailure{e.Message, "error", ""}, nil)
			continue
		}
		s.add(e.Pos.File, strings.TrimPrefix(e.Pos.String(), e.Pos.File+":"), &testFailure{e.Error(), "manifest", ""}, nil)
	}
	return s.write(w)
}

// place is where an error is: in a file, or in the command as a whole.
func (b Broken) place(e manifest.Error) string {
	if b.Manifest == "" {
		return b.Command
	}
	return e.Pos.String()
}
