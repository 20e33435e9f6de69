package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/planner"
)

var (
	update = flag.Bool("update", false, "write the golden files")
	now    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func days(n int) time.Time { return now.AddDate(0, 0, n) }

func change(a planner.Action, id, name, pkg string) planner.Change {
	return planner.Change{Action: a, App: id, AppName: name, AndroidPackage: pkg, Reason: planner.New}
}

func upload(c planner.Change, env jpush.Environment, file string, notAfter time.Time, was *planner.Previous) planner.Change {
	c.Action, c.Environment, c.AppKey, c.Previous = planner.Upload, env, "key-1", was
	c.Certificate = &planner.Certificate{File: file, Path: "root/" + file, FileSHA256: "aa", Fingerprint: "0123456789abcdef0123", BundleID: "cn.example.ios",
		NotAfter: notAfter, Password: &planner.Password{Env: "P12_PASSWORD"}}
	return c
}

// full is a plan with everything in it, Chinese names and a hostile one among them.
func full() *planner.Plan {
	shop := change(planner.Create, "shop", "商城", "cn.example.shop")
	shop.GroupName = "零售"
	evil := change(planner.Create, "evil\x1b[31m\u202e", "na\rme\x9b", "cn.example.evil")
	gone := change(planner.Delete, "old", "旧应用", "cn.example.old")
	gone.AppKey, gone.Reason = "key-old", planner.Removed
	before, after := change(planner.Delete, "mall", "Mall", "cn.example.mall"), change(planner.Create, "mall", "商场", "cn.example.mall")
	before.AppKey, before.Reason, after.Reason = "key-mall", planner.Replace, planner.Replace
	news := change(planner.Upload, "news", "新闻 News", "cn.example.news")
	return &planner.Plan{
		FormatVersion: planner.FormatVersion, JPSyncVersion: "1.2.3", Endpoint: "https://admin.jpush.cn/v1/", Account: "dev-key",
		Manifest: planner.ManifestRef{Path: "jpsync.yaml", SHA256: "aa"}, State: planner.StateRef{Lineage: "L", Serial: 7},
		Changes: []planner.Change{shop, upload(shop, jpush.Production, "certs/shop_prod.p12", days(300), nil), evil, before, after,
			upload(news, jpush.Development, "证书/dev.p12", days(1), &planner.Previous{Fingerprint: "fedcba9876543210fedc", BundleID: "cn.example.ios", NotAfter: days(-2)}),
			upload(news, jpush.Production, "prod.p12", days(900), &planner.Previous{Fingerprint: "fedcba9876543210fedc", BundleID: "cn.example.other", NotAfter: days(950)}), gone},
		Corrections: []planner.Correction{{App: "news", Field: planner.FieldGroupName, Recorded: "", Desired: "Media_Group"},
			{App: "quiet", Environment: jpush.Production, Field: planner.FieldFile, Recorded: "a", Desired: "b"}},
		Conflicts: []planner.Conflict{{App: "blog", Field: planner.FieldAppName, Recorded: "Blog", Desired: "Blogs",
			Message: "app_name is recorded as \"Blog\" and the manifest says \"Blogs\"; the API cannot change it: record that with --accept blog"}},
		Errors: []planner.Problem{{Code: "wrong_bundle", App: "news", Environment: jpush.Production,
			Message: "the certificate is for \"a\", the app's bundle_id is \"b\": name the certificate of this app, or correct bundle_id"}},
		Warnings:   []planner.Problem{{Code: "unsettled_create", App: "lost", Message: "a create was never answered\x07"}},
		Summary:    planner.Summary{Create: 3, Upload: 3, Delete: 2, Unchanged: 4, Conflicts: 1},
		OnExisting: "adopt", LeftOut: 1,
	}
}

var styles = map[string]report.Style{"piped": {}, "wide-80": {Width: 80}, "colour-80": {Color: true, Width: 80}}

func TestPlanText(t *testing.T) {
	for name, st := range styles {
		var b bytes.Buffer
		require.NoError(t, report.PlanText(&b, full(), st, now))
		golden(t, "plan-"+name+".txt", b.String())
		tame(t, b.String(), st)
	}
}

// tame makes sure that the only control characters are our own.
func tame(t *testing.T, text string, st report.Style) {
	t.Helper()
	if st.Color {
		for _, code := range []string{"0", "1", "2", "31", "32", "33", "36", "1;31", "1;32", "1;33", "1;36"} {
			text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
		}
	}
	require.NotRegexp(t, `[\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`, text)
}

// Colour adds escape sequences and changes nothing else: lines break in the same places.
func TestColourChangesNoLine(t *testing.T) {
	for columns := 40; columns <= 120; columns++ {
		var with, without bytes.Buffer
		require.NoError(t, report.PlanText(&with, full(), report.Style{Color: true, Width: columns}, now))
		require.NoError(t, report.PlanText(&without, full(), report.Style{Width: columns}, now))
		plain := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(with.String(), "")
		require.Equal(t, without.String(), plain)
	}
}

// result is a run of full's plan in which something of everything happened.
func result(p *planner.Plan) *executor.Result {
	steps := make([]executor.Step, len(p.Changes))
	for i, c := range p.Changes {
		steps[i] = executor.Step{Change: c, Outcome: executor.NotStarted}
	}
	steps[0].Outcome, steps[0].AppKey = executor.Created, "key-shop"
	steps[1].Outcome, steps[1].Note = executor.AlreadyThere, "already there: the server has it"
	steps[2].Outcome, steps[2].AppKey, steps[2].Note = executor.Adopted, "key-evil", "the server had it before: adopted"
	steps[3].Outcome, steps[3].Err, steps[3].Remedy = executor.Unknown, errors.New("delete key-mall: no answer\x1b]0;x\x07"), "run the same command again, which finds out"
	return &executor.Result{
		Steps:    steps,
		Counts:   executor.Counts{Created: 1, Adopted: 1, Uploaded: 1, Failed: 1, NotStarted: 4, Recorded: 1, Requests: 5},
		Failures: []executor.Step{steps[3]},
		Stopped:  &executor.Stop{Reason: executor.StopAuth, Err: errors.New("the credentials were refused (code 4005)")},
	}
}

func run(p *planner.Plan, res *executor.Result, elapsed time.Duration) report.Run {
	return report.Run{Plan: p, Result: res, Summary: report.NewSummary(p, res, elapsed, 0), AllKeys: "jpsync output"}
}

func TestResultText(t *testing.T) {
	p := full()
	for name, st := range styles {
		var b bytes.Buffer
		require.NoError(t, report.ResultText(&b, run(p, result(p), 1234567*time.Microsecond), st))
		golden(t, "result-"+name+".txt", b.String())
		tame(t, b.String(), st)
	}
}

func TestResultVerdicts(t *testing.T) {
	for want, c := range map[string]struct {
		plan planner.Plan
		res  executor.Result
	}{
		"Applied: 2 created, 3 unchanged, in 1s.\n":                   {planner.Plan{Summary: planner.Summary{Unchanged: 3}}, executor.Result{Counts: executor.Counts{Created: 2}}},
		"Applied in part: 2 created, 1 failed, 0 unchanged, in 1s.\n": {planner.Plan{}, executor.Result{Counts: executor.Counts{Created: 2, Failed: 1}}},
		"Nothing applied: 1 failed, 0 unchanged, in 1s.\n":            {planner.Plan{}, executor.Result{Counts: executor.Counts{Failed: 1}}},
		"Nothing applied: 2 not started, 0 unchanged, in 1s.\n":       {planner.Plan{}, executor.Result{Counts: executor.Counts{NotStarted: 2}}},
	} {
		var b bytes.Buffer
		require.NoError(t, report.ResultText(&b, run(&c.plan, &c.res, time.Second), report.Style{}))
		require.Equal(t, want, b.String())
	}
}

func TestEventText(t *testing.T) {
	create := planner.Change{Action: planner.Create, App: "a"}
	upload := planner.Change{Action: planner.Upload, App: "a", Environment: jpush.Production, AppKey: "k"}
	for _, c := range []struct {
		event executor.Event
		want  string
	}{
		{executor.Event{Type: executor.ApplyStart, Step: executor.Step{Change: create}}, ""},
		{executor.Event{Type: executor.Retry, Step: executor.Step{Change: create, Attempts: 2, Err: errors.New("busy")}, Delay: 1234 * time.Millisecond},
			"retry a: attempt 2 failed: busy; next in 1.23s"},
		{executor.Event{Type: executor.ApplyComplete, Step: executor.Step{Change: planner.Change{App: "商城", AppKey: "k"}, Outcome: executor.Created}}, "created 商城"},
		{executor.Event{Type: executor.ApplyComplete, Step: executor.Step{Change: upload, Outcome: executor.AlreadyThere, Note: "look"}}, "already there a production"},
		{executor.Event{Type: executor.ApplyErrored, Step: executor.Step{Change: planner.Change{Action: planner.Delete, App: "a\x1b[2J"},
			Outcome: executor.Unknown, Err: errors.New("lost\n")}},
			"unknown delete a\ufffd[2J"},
		{executor.Event{Type: executor.ApplyErrored, Step: executor.Step{Change: upload, Outcome: executor.Failed, Code: 1012,
			Err: &jpush.Error{Op: jpush.OpUpload, Status: 200, Code: 1012, Sent: true}}}, "failed upload a production: the certificate is invalid (code 1012)"},
	} {
		require.Equal(t, c.want, report.EventText(c.event, report.Style{}))
	}
	require.Equal(t, "\x1b[32mcreated\x1b[0m a", report.EventText(executor.Event{Type: executor.ApplyComplete, Step: executor.Step{Change: create, Outcome: executor.Created}}, report.Style{Color: true}))
}

// Forty certificates with one fault are one remark, and each of them is named in it.
func TestOneFaultIsToldOnce(t *testing.T) {
	p := &planner.Plan{}
	for i := range 40 {
		p.Warnings = append(p.Warnings, planner.Problem{Code: "test_certificate", App: fmt.Sprintf("app-%02d", i), Environment: jpush.Production, Message: "for rehearsals"})
	}
	p.Warnings = append(p.Warnings, planner.Problem{Code: "expired", App: "app-00", Environment: jpush.Production, Message: "it expired"})
	text := written(t, func(w io.Writer) error { return report.ProblemsText(w, p, report.Style{}) })
	require.Equal(t, 1, strings.Count(text, "for rehearsals"))
	for i := range 40 {
		require.Contains(t, text, fmt.Sprintf("app-%02d production", i))
	}
	require.Contains(t, text, "! app-00 production: it expired [expired]\n")
}

// What is said of each file differs, and the remedy for all of them stands at the last.
func TestOneRemedyIsToldOnce(t *testing.T) {
	p := &planner.Plan{}
	for _, id := range []string{"a", "b", "c"} {
		p.Errors = append(p.Errors, planner.Problem{Code: "wrong_password", App: id, Message: id + ".p12: wrong", Remedy: "try another"})
	}
	text := written(t, func(w io.Writer) error { return report.ProblemsText(w, p, report.Style{}) })
	require.Contains(t, text, "! a: a.p12: wrong [wrong_password]\n")
	require.Contains(t, text, "! b: b.p12: wrong [wrong_password]\n")
	require.Equal(t, 1, strings.Count(text, "try another"))
	require.Contains(t, text, "! c: c.p12: wrong [wrong_password]\n      try another\n")
}
