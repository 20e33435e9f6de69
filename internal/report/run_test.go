package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
	"jpsync/internal/report"
	"jpsync/planner"
)

// ended is the run of result's plan.
func ended() report.Run {
	p := full()
	res := result(p)
	return report.Run{Version: "1.2.3", Plan: p, Result: res, Err: res.Stopped.Err, Summary: report.NewSummary(p, res, 1234567*time.Microsecond, 4)}
}

// turnedAway is a run that sent nothing.
func turnedAway() report.Run {
	p := full()
	r := report.Run{Plan: p, Err: errors.New("nobody approved the plan"), Summary: report.NewSummary(p, nil, time.Second, 5)}
	r.Summary.Message = r.Err.Error()
	return r
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b))
	return b.String()
}

func TestRunReports(t *testing.T) {
	for name, r := range map[string]report.Run{"ended": ended(), "turned-away": turnedAway()} {
		golden(t, "run-"+name+".json", written(t, func(w io.Writer) error { return report.RunJSON(w, r) }))
		golden(t, "run-"+name+".xml", written(t, func(w io.Writer) error { return report.RunJUnit(w, r) }))
		golden(t, "run-"+name+".md", written(t, func(w io.Writer) error { return report.RunMarkdown(w, r) }))
	}
}

// A program that reads the report goes by these names.
func TestRunJSONHasTheseFields(t *testing.T) {
	var out struct {
		Changes []struct {
			Action, App, Outcome, Message, Remedy string
			AppKey                                string `json:"app_key"`
		}
		Conflicts, Errors []map[string]any
		Summary           map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(written(t, func(w io.Writer) error { return report.RunJSON(w, ended()) })), &out))
	require.Len(t, out.Changes, 8)
	require.Equal(t, "key-shop", out.Changes[0].AppKey)
	require.Equal(t, "unknown", out.Changes[3].Outcome)
	require.Contains(t, out.Changes[3].Message, "no answer")
	require.Contains(t, out.Changes[3].Remedy, "run the same command again")
	require.Equal(t, "not_started", out.Changes[7].Outcome)
	require.EqualValues(t, 4, out.Summary["exit_code"])
	require.Len(t, out.Conflicts, 1)

	empty := report.Run{Plan: &planner.Plan{}, Result: &executor.Result{}}
	text := written(t, func(w io.Writer) error { return report.RunJSON(w, empty) })
	require.NotContains(t, text, "null", "an empty list is a list")
}

// junit is what a CI system reads of the XML.
type junit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Suite    struct {
		Skipped int `xml:"skipped,attr"`
		Cases   []struct {
			Name    string `xml:"name,attr"`
			Class   string `xml:"classname,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
				Type    string `xml:"type,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestJUnitCountsWhatItHas(t *testing.T) {
	var got junit
	require.NoError(t, xml.Unmarshal([]byte(written(t, func(w io.Writer) error { return report.RunJUnit(w, ended()) })), &got))
	failed, skipped := 0, 0
	for _, c := range got.Suite.Cases {
		if c.Failure != nil {
			failed++
		}
		if c.Skipped != nil {
			skipped++
		}
	}
	require.Equal(t, [4]int{10, 3, 4, 10}, [4]int{got.Tests, got.Failures, got.Suite.Skipped, len(got.Suite.Cases)})
	require.Equal(t, []int{got.Failures, got.Suite.Skipped}, []int{failed, skipped})
	require.Equal(t, "unknown", got.Suite.Cases[3].Failure.Type)
	require.Equal(t, "blog: conflict app_name", got.Suite.Cases[9].Name)
}

// FuzzJUnit holds the XML to being XML, whatever a name or a server's message holds.
func FuzzJUnit(f *testing.F) {
	for _, s := range []string{"", "商城", "a\x00b", "]]>", "<!--", "&#0;", "\xff\xfe", "\ufffe\uffff", "a\u2028\x1b[0m", "\r\n\t \"'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := &planner.Plan{Changes: []planner.Change{{Action: planner.Create, App: s}, {Action: planner.Delete, App: s}},
			Errors: []planner.Problem{{Code: s, App: s, Message: s}}, Conflicts: []planner.Conflict{{App: s, Recorded: s, Message: s}}}
		res := &executor.Result{Steps: []executor.Step{{Change: p.Changes[0], Outcome: executor.Failed, Err: errors.New(s), Remedy: s}, {Change: p.Changes[1], Outcome: executor.NotStarted, Err: errors.New(s)}}}
		res.Failures = res.Steps[:1]
		text := written(t, func(w io.Writer) error { return report.RunJUnit(w, report.Run{Plan: p, Result: res}) })
		require.True(t, utf8.ValidString(text))
		var got junit
		require.NoError(t, xml.Unmarshal([]byte(text), &got))
		require.Len(t, got.Suite.Cases, 4)
		require.Equal(t, 3, got.Failures)
		dropped := func(r rune) bool {
			return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r >= 0xfffd && r <= 0xffff
		}
		if !strings.ContainsFunc(s, dropped) {
			require.Equal(t, s, got.Suite.Cases[0].Class)
		}
	})
}

func TestRunMarkdownOfManyAppsFits(t *testing.T) {
	p, res := &planner.Plan{}, &executor.Result{}
	for i := range 5000 {
		c := change(planner.Create, fmt.Sprintf("app-%04d", i), "N", "cn.example.n")
		p.Changes = append(p.Changes, c)
		c.AppKey = "0123456789abcdef01234567"
		res.Steps = append(res.Steps, executor.Step{Change: c, Outcome: executor.Created, Note: "to know"})
		res.Failures = append(res.Failures, executor.Step{Change: c, Err: errors.New(strings.Repeat("m", 200))})
	}
	text := written(t, func(w io.Writer) error {
		return report.RunMarkdown(w, report.Run{Plan: p, Result: res, AllKeys: "jpsync output --sandbox"})
	})
	require.LessOrEqual(t, len(text), report.MaxMarkdown)
	require.True(t, strings.HasSuffix(text, "</details>\n"))
	require.Regexp(t, "and \\d+ more: `jpsync output --sandbox`", text)
}

func TestCounts(t *testing.T) {
	require.Equal(t, "changes=true\ncreate=3\nupload=3\ndelete=2\nunchanged=4\nconflicts=1\nerrors=1\nwarnings=1\n",
		written(t, func(w io.Writer) error { return report.Outputs(w, "", report.PlanCounts(full())) }))
	require.Equal(t, "J_CREATED=1\nJ_ADOPTED=1\nJ_UPLOADED=1\nJ_DELETED=0\nJ_UNCHANGED=4\nJ_FAILED=2\nJ_NOT_STARTED=4\nJ_EXIT_CODE=4\n",
		written(t, func(w io.Writer) error { return report.Outputs(w, "J", report.ApplyCounts(ended().Summary)) }))
	require.JSONEq(t, `{"create": 3, "update": 3, "delete": 2}`, written(t, func(w io.Writer) error { return report.PlanTerraform(w, full()) }))
	require.Contains(t, report.PlanCounts(&planner.Plan{}), report.Count{Name: "changes", Value: "false"})
}
