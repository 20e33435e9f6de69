package report_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/planner"
)

func TestLanguageOf(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want report.Language
	}{
		{nil, report.English},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, report.Chinese},
		{map[string]string{"LANG": "zh"}, report.Chinese},
		{map[string]string{"LANG": "zha_CN"}, report.English},
		{map[string]string{"LANG": "C.UTF-8"}, report.English},
		{map[string]string{"LANG": "zh_CN", "LC_MESSAGES": "en_US.UTF-8"}, report.English},
		{map[string]string{"LANG": "en_US", "LC_MESSAGES": "zh_TW.UTF-8"}, report.Chinese},
		{map[string]string{"LC_MESSAGES": "zh_CN", "LC_ALL": "C"}, report.English},
		{map[string]string{"LC_ALL": "C", "JPSYNC_LANG": "zh"}, report.Chinese},
		{map[string]string{"LC_ALL": "zh_CN", "JPSYNC_LANG": "en"}, report.English},
		{map[string]string{"LC_ALL": "zh_CN", "JPSYNC_LANG": "fr"}, report.English},
		{map[string]string{"JPSYNC_LANG": "zh-Hans"}, report.Chinese},
	} {
		require.Equal(t, c.want, report.LanguageOf(func(name string) string { return c.env[name] }), "%v", c.env)
	}
}

// errorOf is an error that says what a row of the table says.
func errorOf(row jpush.Entry) *jpush.Error {
	return &jpush.Error{Op: jpush.OpCreate, Target: "app cn.example.shop", Status: row.Status, Code: row.Code, Condition: row.Condition,
		Message: "no: too many requests", Class: row.Class, Sent: true}
}

// Every row of the table is told in Chinese wherever a person meets it, and in English alone
// otherwise.
func TestEveryRowIsTold(t *testing.T) {
	zh := report.Style{Lang: report.Chinese}
	for _, row := range jpush.Entries() {
		t.Run(fmt.Sprint(row.Code, row.Condition), func(t *testing.T) {
			require.NotEmpty(t, row.Meaning.ZH)
			require.NotEmpty(t, row.Remedy.ZH)
			err := errorOf(row)
			text := report.ErrorText(fmt.Errorf("stopped: %w", err), report.Chinese)
			require.Contains(t, text, row.Meaning.ZH)
			require.Contains(t, text, row.Remedy.ZH)
			require.NotContains(t, text, row.Remedy.EN)
			require.Equal(t, err.Error(), report.ErrorText(err, report.English))
			require.Equal(t, row.Remedy.ZH, report.Remedy(err, report.Chinese))
			require.Equal(t, row.Remedy.EN, report.Remedy(err, report.English))

			failed := executor.Step{Change: change(planner.Create, "shop", "Shop", "cn.example.shop"), Outcome: executor.Failed,
				Code: row.Code, Err: err, Remedy: row.Remedy.EN}
			for _, kind := range []executor.EventType{executor.Retry, executor.ApplyErrored} {
				e := executor.Event{Type: kind, Step: failed}
				require.Contains(t, report.EventText(e, zh), row.Meaning.ZH)
				require.NotRegexp(t, `\p{Han}`, report.EventText(e, report.Style{}))
			}

			p := &planner.Plan{Changes: []planner.Change{failed.Change}}
			res := &executor.Result{Steps: []executor.Step{failed}, Stopped: &executor.Stop{Err: err}, Failures: []executor.Step{failed}}
			for lang, want := range map[report.Language][2]string{report.Chinese: {row.Meaning.ZH, row.Remedy.ZH}, report.English: {row.Meaning.EN, row.Remedy.EN}} {
				text := written(t, func(w io.Writer) error {
					return report.ResultText(w, report.Run{Plan: p, Result: res}, report.Style{Lang: lang})
				})
				require.Contains(t, text, want[0])
				require.Contains(t, text, want[1])
				if lang == report.English {
					require.NotContains(t, text, row.Meaning.ZH)
				}
			}
			markdown := written(t, func(w io.Writer) error {
				return report.RunMarkdown(w, report.Run{Plan: p, Result: res, Lang: report.Chinese})
			})
			require.Regexp(t, `\p{Han}`, markdown)
		})
	}
}

// failure is the event of a create that failed.
func failure(err error) executor.Event {
	return executor.Event{Type: executor.ApplyErrored, Step: executor.Step{Change: planner.Change{Action: planner.Create, App: "a"},
		Err: err, Outcome: executor.Failed}}
}

// What is not of the table stays as it is, also where it uses the table's words.
func TestOtherTextStaysAsItIs(t *testing.T) {
	zh := report.Style{Lang: report.Chinese}
	for _, message := range []string{"create app x: disk full", "the certificate is invalid", "run again"} {
		text := report.EventText(failure(errors.New(message)), zh)
		require.NotRegexp(t, `\p{Han}`, text)
	}
	require.Equal(t, "run again", report.ErrorText(errors.New("run again"), report.Chinese))

	// A server's message is the server's.
	row, _ := jpush.LookupCode(4005)
	err := errorOf(row)
	err.Message = row.Meaning.EN
	text := report.ErrorText(err, report.Chinese)
	require.Contains(t, text, `(the server says "`+row.Meaning.EN+`")`)
	require.True(t, unicode.Is(unicode.Han, []rune(row.Meaning.ZH)[0]))
}

// A code that is not in the table has the row of unknown codes.
func TestUnknownCodeIsTold(t *testing.T) {
	row, _ := jpush.LookupCondition(jpush.UnknownCode)
	err := &jpush.Error{Op: jpush.OpCreate, Status: 200, Code: 1099, Sent: true}
	text := report.EventText(failure(err), report.Style{Lang: report.Chinese})
	require.Contains(t, text, row.Meaning.ZH)
}

// A condition that explains more than the code does is what is told.
func TestTheConditionIsToldBeforeTheCode(t *testing.T) {
	row, _ := jpush.LookupCondition(jpush.NotAnAnswer)
	err := &jpush.Error{Op: jpush.OpCreate, Status: 200, Code: 4005, Condition: row.Condition, Sent: true}
	text := report.EventText(failure(err), report.Style{Lang: report.Chinese})
	require.Contains(t, text, row.Meaning.ZH)
}
