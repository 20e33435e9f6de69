package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"jpsync/manifest"
	"jpsync/planner"
)

// Level is how serious an annotation is.
type Level string

// The levels of GitHub Actions that jpsync uses.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
)

// Annotate has GitHub Actions show a message at a place in a file of the repository, by a
// workflow command, which the runner reads from standard output and standard error. The file
// is relative to the repository's root, with slashes; what is unknown of the place is zero.
func Annotate(w io.Writer, level Level, at manifest.Position, message string) error {
	command := string(level)
	if at.File != "" {
		command += " file=" + propertyEscapes.Replace(at.File)
		if at.Line > 0 {
			command += ",line=" + strconv.Itoa(at.Line)
			if at.Column > 0 {
				command += ",col=" + strconv.Itoa(at.Column)
			}
		}
	}
	_, err := fmt.Fprintf(w, "::%s::%s\n", command, Printable(dataEscapes.Replace(message)))
	return err
}

// minMasked is the least length, in bytes, of what is masked. The gaps that a shorter mask
// leaves in the log would spell it.
const minMasked = 4

// Mask makes GitHub Actions hide a secret in the log from now on. The runner masks each line
// on its own. Nobody but the runner may read w.
func Mask(w io.Writer, secret string) error {
	for _, line := range strings.FieldsFunc(secret, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if len(line) < minMasked {
			continue
		}
		if _, err := fmt.Fprintf(w, "::add-mask::%s\n", dataEscapes.Replace(line)); err != nil {
			return err
		}
	}
	return nil
}

// The escapes of workflow commands are those of github.com/actions/toolkit.
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Count is a number, or true or false, for the later steps of a pipeline.
type Count struct{ Name, Value string }

func number(name string, n int) Count { return Count{name, strconv.Itoa(n)} }

// PlanCounts are the numbers of a plan, and whether an apply would change anything.
func PlanCounts(p *planner.Plan) []Count {
	s := p.Summary
	return []Count{
		{"changes", strconv.FormatBool(p.HasChanges())},
		number("create", s.Create), number("upload", s.Upload), number("delete", s.Delete), number("unchanged", s.Unchanged),
		number("conflicts", s.Conflicts), number("errors", len(p.Errors)), number("warnings", len(p.Warnings)),
	}
}

// ApplyCounts are the numbers of an apply's result.
func ApplyCounts(s Summary) []Count {
	return []Count{
		number("created", s.Created), number("adopted", s.Adopted), number("uploaded", s.Uploaded), number("deleted", s.Deleted),
		number("unchanged", s.Unchanged), number("failed", s.Failed), number("not_started", s.NotStarted), number("exit_code", s.ExitCode),
	}
}

// Outputs writes counts as name=value lines, the outputs of a step of GitHub Actions. With a
// prefix they are PREFIX_NAME=value lines, for a dotenv report.
func Outputs(w io.Writer, prefix string, counts []Count) error {
	var b strings.Builder
	for _, c := range counts {
		name := c.Name
		if prefix != "" {
			name = prefix + "_" + strings.ToUpper(name)
		}
		b.WriteString(name + "=" + c.Value + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// PlanTerraform writes the counts that GitLab shows in a merge request for an artifact
// reports:terraform. An upload counts as an update.
func PlanTerraform(w io.Writer, p *planner.Plan) error {
	return JSON(w, struct {
		Create int `json:"create"`
		Update int `json:"update"`
		Delete int `json:"delete"`
	}{p.Summary.Create, p.Summary.Upload, p.Summary.Delete})
}
