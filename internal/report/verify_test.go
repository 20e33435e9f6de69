package report_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/planner"
)

// verification has an app of each kind: good, refused, without a secret to ask with, not
// answered in several ways, with a hostile id.
func verification(l report.Language) report.Verification {
	ids := []string{"商城", "pay", "news", "blog", "imported", "mall", "evil\x1b[31m\u202e|`", "late"}
	v := report.Verification{Endpoint: jpush.DefaultDeviceEndpoint}
	for _, id := range ids {
		v.Apps = append(v.Apps, report.Verified{App: id, AppKey: "key-" + id, Status: report.PairUnchecked})
	}
	v.Apps[4].Message, v.Apps[4].Remedy = "no master secret is recorded", "nothing but the console has it"

	failed := func(id string, err error) executor.Step {
		s := executor.Step{Change: planner.Change{App: id}, Outcome: executor.Failed, Attempts: 1, Err: err}
		if e, ok := err.(*jpush.Error); ok {
			s.Remedy = e.Remedy()
		}
		return s
	}
	refused := &jpush.Error{Op: jpush.OpVerify, Target: "key pair", Status: 401, Condition: jpush.PairRefused, Class: jpush.ClassApp, Sent: true}
	busy := &jpush.Error{Op: jpush.OpVerify, Target: "key pair", Status: 503, Condition: jpush.ServerError, Class: jpush.ClassLost, Sent: true}
	malformed := &jpush.Error{Op: jpush.OpVerify, Target: "key pair", Condition: jpush.BadArgument, Class: jpush.ClassApp,
		Err: errors.New("the master secret contains a control character")}
	late := failed("late", errors.New("not started, because the run stopped: interrupted: SIGTERM"))
	late.Outcome = executor.NotStarted
	v.Answer(&executor.Result{Steps: []executor.Step{
		{Change: planner.Change{App: "商城"}, Outcome: executor.Verified, Attempts: 1},
		failed("pay", refused), failed("news", busy), failed("blog", refused), failed("mall", malformed), failed(ids[6], refused), late,
	}}, l)
	return v
}

func TestVerificationText(t *testing.T) {
	all := map[string]report.Style{"zh": {Lang: report.Chinese}}
	for name, st := range styles {
		all[name] = st
	}
	for name, st := range all {
		var b bytes.Buffer
		require.NoError(t, report.VerificationText(&b, verification(st.Lang), st))
		golden(t, "verify-"+name+".txt", b.String())
		tame(t, b.String(), st)
	}
}

func TestVerificationMarkdown(t *testing.T) {
	for name, l := range map[string]report.Language{"verify.md": report.English, "verify-zh.md": report.Chinese} {
		var b bytes.Buffer
		require.NoError(t, report.VerificationMarkdown(&b, verification(l)))
		golden(t, name, b.String())
		tame(t, b.String(), report.Style{})
	}
}

func TestVerificationJSON(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.VerificationJSON(&b, verification(report.English)))
	golden(t, "verify.json", b.String())
}

func TestVerificationOfNothing(t *testing.T) {
	v := report.Verification{Endpoint: jpush.DefaultDeviceEndpoint}
	v.Answer(&executor.Result{}, report.English)
	const counts = "Verified 0 apps at https://device.jpush.cn/v3/: 0 ok, 0 refused, 0 not checked.\n"
	var text, markdown, json bytes.Buffer
	require.NoError(t, report.VerificationText(&text, v, report.Style{}))
	require.Equal(t, counts, text.String())
	require.NoError(t, report.VerificationMarkdown(&markdown, v))
	require.Equal(t, counts, markdown.String())
	require.NoError(t, report.VerificationJSON(&json, v))
	require.Contains(t, json.String(), `"apps": []`)
}
