package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/planner"
)

// PairStatus says what is known of an app's key pair.
type PairStatus string

// The states of a key pair.
const (
	PairOK        PairStatus = "ok"
	PairRefused   PairStatus = "refused"
	PairUnchecked PairStatus = "not_checked" // nobody asked, or nobody answered
)

// Verified is what is known of the key pair of one app.
type Verified struct {
	App     string     `json:"app"`
	AppKey  string     `json:"app_key"`
	Status  PairStatus `json:"status"`
	Message string     `json:"message,omitempty"` // why it is not ok
	Remedy  string     `json:"remedy,omitempty"`
}

// Verification is what came of asking about many apps.
type Verification struct {
	Endpoint string
	Apps     []Verified // by id
}

// Answer fills in the answers to what was asked, in a language.
func (v *Verification) Answer(res *executor.Result, l Language) {
	steps := make(map[string]executor.Step, len(res.Steps))
	for _, s := range res.Steps {
		steps[s.App] = s
	}
	for i := range v.Apps {
		app := &v.Apps[i]
		s, asked := steps[app.App]
		if !asked {
			continue
		}
		if s.Outcome == executor.Verified {
			app.Status = PairOK
			continue
		}
		app.Message, app.Remedy = s.Message(), s.Remedy
		if e, ok := s.Err.(*jpush.Error); ok {
			app.Message, app.Remedy = l.Reason(e), Remedy(e, l)
			switch e.Condition {
			case jpush.PairRefused:
				app.Status = PairRefused
			case jpush.BadArgument: // no request was made: the cause says what is wrong with the record
				app.Message += ": " + e.Err.Error()
			}
		}
	}
}

// Count returns how many apps have a status.
func (v Verification) Count(status PairStatus) (n int) {
	for _, app := range v.Apps {
		if app.Status == status {
			n++
		}
	}
	return n
}

// VerificationText writes a line for each app, each remedy once, and the counts.
func VerificationText(w io.Writer, v Verification, st Style) error {
	t := newText(w, st)
	rows := [][]string{{"STATUS", "APP", "APP KEY", "WHY"}}
	for _, app := range v.Apps {
		rows = append(rows, []string{app.Status.word(), app.App, app.AppKey, app.Message})
	}
	if len(v.Apps) > 0 {
		t.table(rows, 3, 1)
	}
	for _, remedy := range v.remedies() {
		t.line(st.Wrap("  "+st.paint("!", yellow)+" ", "    ", Printable(remedy)))
	}
	t.line(v.counts() + ".")
	return t.Flush()
}

func (s PairStatus) word() string { return strings.ReplaceAll(string(s), "_", " ") }

// remedies returns each remedy once, with what it is for.
func (v Verification) remedies() (all []string) {
	for _, app := range v.Apps {
		if text := app.Message + ": " + app.Remedy; app.Remedy != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

func (v Verification) counts() string {
	return fmt.Sprintf("Verified %s at %s: %d ok, %d refused, %d not checked", Plural(len(v.Apps), "app"), Printable(v.Endpoint),
		v.Count(PairOK), v.Count(PairRefused), v.Count(PairUnchecked))
}

// VerificationMarkdown writes the counts, and a table of the apps that are not ok.
func VerificationMarkdown(w io.Writer, v Verification) error {
	b := bufio.NewWriter(w)
	b.WriteString(escapes.Replace(v.counts()) + ".\n")
	if v.Count(PairOK) < len(v.Apps) {
		b.WriteString("\n| status | app | app key | why |\n|---|---|---|---|\n")
	}
	for _, app := range v.Apps {
		if app.Status != PairOK {
			b.WriteString(tableRow([]string{app.Status.word(), cell(app.App), code(app.AppKey), sentence(app.Message)}))
		}
	}
	for i, remedy := range v.remedies() {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString("- " + sentence(remedy) + "\n")
	}
	return b.Flush()
}

// VerificationJSON writes one JSON object.
func VerificationJSON(w io.Writer, v Verification) error {
	return JSON(w, struct {
		FormatVersion  int            `json:"format_version"`
		DeviceEndpoint string         `json:"device_endpoint"`
		Apps           []Verified     `json:"apps"`
		Summary        map[string]int `json:"summary"`
	}{planner.FormatVersion, v.Endpoint, orEmpty(v.Apps), map[string]int{
		"ok": v.Count(PairOK), "refused": v.Count(PairRefused), "not_checked": v.Count(PairUnchecked),
	}})
}
