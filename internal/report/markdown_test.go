package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/planner"
)

func markdown(t *testing.T, p *planner.Plan) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.PlanMarkdown(&b, p))
	return b.String()
}

func TestPlanMarkdown(t *testing.T) {
	text := markdown(t, full())
	golden(t, "plan.md", text)
	tame(t, text, report.Style{})
	require.Equal(t, "### jpsync: no changes\n\n1 app is as recorded.\n", markdown(t, &planner.Plan{Summary: planner.Summary{Unchanged: 1}}))
}

// A comment of a pull request holds 65,536 characters, and all lists may be long.
func TestMarkdownOfManyChangesFits(t *testing.T) {
	long := strings.Repeat("商|<_", 60)
	for name, size := range map[string]int{"changes": 1, "remarks": 5000} {
		p := &planner.Plan{}
		for i := range 5000 {
			c := change(planner.Create, fmt.Sprintf("app-%d", i), long, "cn.example.app")
			p.Changes = append(p.Changes, upload(c, jpush.Production, "certs/x.p12", days(300), nil))
		}
		for i := range size {
			id := fmt.Sprintf("app-%d", i)
			p.Conflicts = append(p.Conflicts, planner.Conflict{App: id, Message: long + long})
			p.Errors = append(p.Errors, planner.Problem{App: id, Message: id + long + long})
			p.Warnings = append(p.Warnings, planner.Problem{App: id, Message: id + long})
			p.Corrections = append(p.Corrections, planner.Correction{App: id, Field: planner.FieldAppName, Recorded: long, Desired: long})
		}
		p.Summary = planner.Summary{Upload: 5000, Conflicts: size}
		text := markdown(t, p)
		require.Less(t, len(text), 65_536, name)
		require.Regexp(t, `and \d+ more changes, see the job's log`, text)
		require.True(t, strings.HasSuffix(text, "</details>\n"), name)
		require.True(t, utf8.ValidString(text))
		if size > 1 {
			require.Equal(t, 4, strings.Count(text, "\n- and "), "each list says how much of it is missing")
		}
	}
}

func TestMarkdownShowsNamesAsTheyAre(t *testing.T) {
	for file, want := range map[string]string{
		"my_cert_file.p12": "`my_cert_file.p12`",
		"a*b<c>[d]&e.p12":  "`a*b<c>[d]&e.p12`",
		"a`b.p12":          "``a`b.p12``",
		"`a``b`":           "``` `a``b` ```",
		"a|b.p12":          "`a\\|b.p12`",
		"a\\|b_c":          "a\\\\\\|b\\_c",
		"a\x1b[31m.p12":    "`a\ufffd[31m.p12`",
	} {
		p := &planner.Plan{Changes: []planner.Change{upload(change(planner.Upload, "a", "A", "cn.a"), jpush.Production, file, days(300), nil)}}
		require.Contains(t, markdown(t, p), "upload production "+want+", expires 2026-12-26", file)
	}
}

// However an app is called, its row has five cells and its name mentions nobody.
func TestMarkdownTableCellsAreSafe(t *testing.T) {
	for name, want := range map[string]string{
		"a|b":           "a\\|b",
		"a\\|b":         "a\\\\\\|b",
		"@owner":        "@\u200bowner",
		"<img src=x>":   "&lt;img src=x&gt;",
		"&lt;":          "&amp;lt;",
		"[x](http://y)": "\\[x\\](http://y)",
		"*b* _i_ ~s~":   "\\*b\\* \\_i\\_ \\~s\\~",
		"a\nb\r| c |":   "a\ufffdb\ufffd\\| c \\|",
		"`code`":        "\\`code\\`",
	} {
		p := &planner.Plan{Changes: []planner.Change{change(planner.Create, "id", name, "cn.a")}}
		text := markdown(t, p)
		require.Contains(t, text, "| + | id | "+want+" | cn.a | create |\n", name)
	}
}
