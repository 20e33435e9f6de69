package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"jpsync/planner"
)

// Count is one number, or yes or no, for the later steps of a pipeline.
type Count struct{ Name, Value string }

func number(name string, n int) Count { return Count{name, strconv.Itoa(n)} }

// PlanCounts are the numbers of a plan; changes says whether an apply would change anything.
func PlanCounts(p *planner.Plan) []Count {
	s := p.Summary
	return []Count{
		{"changes", strconv.FormatBool(p.Pending())},
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

// Outputs writes counts as a step's outputs of GitHub Actions: name=value lines.
func Outputs(w io.Writer, counts []Count) error {
	b := bufio.NewWriter(w)
	for _, c := range counts {
		fmt.Fprintf(b, "%s=%s\n", c.Name, c.Value)
	}
	return b.Flush()
}

// Dotenv writes counts for a dotenv report: PREFIX_NAME=value lines. A job that gets them as
// its environment may run jpsync, so a prefix has to be one that begins no flag's variable.
func Dotenv(w io.Writer, prefix string, counts []Count) error {
	b := bufio.NewWriter(w)
	for _, c := range counts {
		fmt.Fprintf(b, "%s_%s=%s\n", prefix, strings.ToUpper(c.Name), c.Value)
	}
	return b.Flush()
}

// PlanTerraform writes the counts that GitLab shows in a merge request for an artifact of
// the kind reports:terraform. An upload changes an app, so it counts as an update.
func PlanTerraform(w io.Writer, p *planner.Plan) error {
	return JSON(w, struct {
		Create int `json:"create"`
		Update int `json:"update"`
		Delete int `json:"delete"`
	}{p.Summary.Create, p.Summary.Upload, p.Summary.Delete})
}
