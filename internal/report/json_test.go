package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/internal/report"
	"jpsync/planner"
)

func fields(t *testing.T, data []byte) map[string]json.RawMessage {
	t.Helper()
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data, &m), "%s", data)
	return m
}

func names(m map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(m)) }

func elements(t *testing.T, data []byte) (all []map[string]json.RawMessage) {
	t.Helper()
	require.NoError(t, json.Unmarshal(data, &all))
	return all
}

// Pipelines read these names.
func TestPlanJSONHasTheseFields(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.PlanJSON(&b, full()))
	p := fields(t, b.Bytes())
	require.Equal(t, []string{"account", "actions", "conflicts", "endpoint", "errors", "format_version", "jpsync_version", "left_out",
		"manifest", "records", "state", "summary", "warnings"}, names(p))
	require.Equal(t, []string{"path", "sha256"}, names(fields(t, p["manifest"])))
	require.Equal(t, []string{"lineage", "serial"}, names(fields(t, p["state"])))
	require.Equal(t, []string{"conflicts", "create", "delete", "unchanged", "upload"}, names(fields(t, p["summary"])))
	actions := elements(t, p["actions"])
	require.Equal(t, []string{"action", "android_package", "app", "app_name", "group_name", "reason"}, names(actions[0]))
	require.Equal(t, []string{"action", "android_package", "app", "app_key", "app_name", "certificate", "environment", "previous", "reason"}, names(actions[5]))
	require.Equal(t, []string{"bundle_id", "file", "fingerprint", "not_after"}, names(fields(t, actions[5]["certificate"])))
	require.Equal(t, []string{"app", "desired", "field", "message", "recorded"}, names(elements(t, p["conflicts"])[0]))
	require.Equal(t, []string{"app", "code", "message"}, names(elements(t, p["warnings"])[0]))
	require.Equal(t, []string{"app", "code", "environment", "message"}, names(elements(t, p["errors"])[0]))
	golden(t, "plan.json", b.String())
}

func TestCertificateJSONHasTheseFields(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.CertificateJSON(&b, "shop.p12", &pushcert.Certificate{}, nil))
	c := fields(t, b.Bytes())
	require.Equal(t, []string{"bundle_id", "common_name", "encryption", "environments", "file", "findings", "fingerprint", "has_key", "issuer",
		"key_matches", "key_type", "not_after", "not_before", "serial", "topics", "universal", "voip"}, names(c))
	for _, list := range []string{"environments", "topics", "findings"} {
		require.JSONEq(t, "[]", string(c[list]), list)
	}
	b.Reset()
	require.NoError(t, report.CertificateJSON(&b, "shop.p12", &pushcert.Certificate{}, []pushcert.Finding{{Code: "expired", Remedy: "renew it"}, {}}))
	findings := elements(t, fields(t, b.Bytes())["findings"])
	require.Equal(t, []string{"code", "message", "remedy", "severity"}, names(findings[0]))
	require.Equal(t, []string{"code", "message", "severity"}, names(findings[1]))
}

// Lists are there when they are empty, so that nobody has to ask first.
func TestEmptyPlanJSON(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.PlanJSON(&b, &planner.Plan{Conflicts: []planner.Conflict{}, Warnings: []planner.Problem{}}))
	p := fields(t, b.Bytes())
	for _, list := range []string{"actions", "conflicts", "warnings"} {
		require.JSONEq(t, "[]", string(p[list]), list)
	}
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	p := full()
	require.NoError(t, report.VersionLine(&b, "1.2.3"))
	require.NoError(t, report.PlanLines(&b, p))
	shop := planner.Change{Action: planner.Create, App: "shop"}
	made := shop
	made.AppKey = "k"
	for _, e := range []executor.Event{
		{Type: executor.ApplyStart, Step: executor.Step{Change: shop, Attempts: 1}},
		{Type: executor.Retry, Step: executor.Step{Change: shop, Attempts: 1, Code: 10, Err: errors.New("busy <&>")}, Delay: 0},
		{Type: executor.Retry, Step: executor.Step{Change: shop, Attempts: 2, Err: errors.New("cut\noff")}, Delay: 1500 * time.Millisecond},
		{Type: executor.ApplyComplete, Step: executor.Step{Change: made, Attempts: 3, Outcome: executor.Created, Note: "note"}},
		{Type: executor.ApplyErrored, Step: executor.Step{Change: planner.Change{Action: planner.Upload, App: "news", Environment: jpush.Production, AppKey: "k"},
			Attempts: 1, Code: 1012, Outcome: executor.Failed, Err: errors.New("invalid"), Remedy: "export again"}},
	} {
		require.NoError(t, report.EventLine(&b, e))
	}
	require.NoError(t, report.SummaryLine(&b, report.NewSummary(p, result(p), time.Second, 4)))
	golden(t, "lines.jsonl", b.String())

	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Len(t, lines, 1+len(p.Changes)+5+1)
	known := []string{"action", "android_package", "app", "app_key", "app_name", "attempt", "code", "delay_ms", "environment",
		"format_version", "jpsync_version", "message", "outcome", "reason", "remedy", "type"}
	types := map[string]bool{}
	for i, line := range lines {
		m := fields(t, []byte(line))
		var kind string
		require.NoError(t, json.Unmarshal(m["type"], &kind))
		types[kind] = true
		if i < len(lines)-1 {
			require.Subset(t, known, names(m))
		}
	}
	require.Equal(t, []string{"apply_complete", "apply_errored", "apply_start", "planned_change", "retry", "summary", "version"}, slices.Sorted(maps.Keys(types)))
	retry := fields(t, []byte(lines[len(lines)-5]))
	require.Equal(t, "0", string(retry["delay_ms"]), "a pause of nothing is a pause")
	require.Equal(t, []string{"adopted", "created", "deleted", "elapsed_ms", "exit_code", "failed", "message", "not_started", "type", "unchanged", "uploaded"},
		names(fields(t, []byte(lines[len(lines)-1]))))
}

func TestSummaryCounts(t *testing.T) {
	p := full()
	counts := result(p).Counts
	counts.Failed++
	require.Equal(t, report.Summary{Type: "summary", Counts: counts, Unchanged: 4, ElapsedMS: 1500, ExitCode: 4, Message: "the credentials were refused (code 4005)"},
		report.NewSummary(p, result(p), 1500*time.Millisecond, 4))
	require.Equal(t, report.Summary{Type: "summary", Counts: executor.Counts{Failed: 1, NotStarted: 8}, Unchanged: 4, ExitCode: 5},
		report.NewSummary(p, nil, 0, 5), "nothing was sent")
}

// What a server or a file says is shown at terminals too, and JSON itself leaves these as they are.
func TestJSONEscapesWhatControlsATerminal(t *testing.T) {
	const name = "商城 <&> \x7f\u0080\u009b31m\u009f\u202e\u2066\x1b"
	p := full()
	p.Changes[0].AppName = name
	for form, write := range map[string]func(*bytes.Buffer) error{
		"plan":    func(b *bytes.Buffer) error { return report.PlanJSON(b, p) },
		"run":     func(b *bytes.Buffer) error { return report.RunJSON(b, report.Run{Plan: p, Result: result(p)}) },
		"changes": func(b *bytes.Buffer) error { return report.PlanLines(b, p) },
		"event": func(b *bytes.Buffer) error {
			return report.EventLine(b, executor.Event{Type: executor.ApplyErrored, Step: executor.Step{Err: errors.New(name)}})
		},
		"keys": func(b *bytes.Buffer) error {
			return report.Keys(b, []report.Key{{ID: "shop", AppName: name}}, "json", report.KeyOptions{})
		},
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		tame(t, b.String(), report.Style{})
		require.Contains(t, b.String(), `"商城 <&> \u007f\u0080\u009b31m\u009f\u202e\u2066\u001b"`, form)
		for dec := json.NewDecoder(&b); dec.More(); {
			var v any
			require.NoError(t, dec.Decode(&v), form)
			if form == "event" {
				require.Equal(t, name, v.(map[string]any)["message"])
			}
		}
	}
}
