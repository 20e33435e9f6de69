package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"jpsync/internal/pushcert"
	"jpsync/planner"
)

// CertsText writes certificates as a table, and below it what is wrong with those that could
// not be read. It writes none if there are no certificates.
func CertsText(w io.Writer, dues []planner.Due, none string, st Style) error {
	t := newText(w, st)
	if len(dues) == 0 {
		t.line(none)
		return t.Flush()
	}
	rows := [][]string{{"EXPIRES", "DAYS", "STATE", "APP", "ENVIRONMENT", "BUNDLE ID", "TOPICS"}}
	for _, d := range dues {
		expires, days := expiryOf(d)
		rows = append(rows, []string{expires, days, string(d.State), d.App, string(d.Environment), d.BundleID, topicsOf(d)})
	}
	t.table(rows, 6, 5, 3)
	for _, d := range dues {
		if d.Message != "" {
			t.line(st.Wrap("  "+st.paint("!", red)+" ", "      ", Printable(Place(d.App, string(d.Environment)))+": "+Printable(d.Message)))
		}
	}
	return t.Flush()
}

// expiryOf returns the day of expiry and the days left, "-" if they are not known.
func expiryOf(d planner.Due) (expires, days string) {
	if d.NotAfter.IsZero() {
		return "-", "-"
	}
	return day(d.NotAfter), strconv.Itoa(d.DaysLeft)
}

// timeLeft says how long it is until the expiry, or since.
func timeLeft(expiry, now time.Time) string {
	days := planner.DaysLeft(expiry, now)
	if !expiry.After(now) {
		return "expired " + Plural(-days, "day") + " ago"
	}
	return Plural(days, "day") + " left"
}

// topicsOf leaves out the topic that is the bundle ID itself, which every certificate has.
func topicsOf(d planner.Due) string {
	var others []string
	for _, t := range d.Topics {
		if t != d.BundleID {
			others = append(others, strings.TrimPrefix(t, d.BundleID))
		}
	}
	return strings.Join(others, " ")
}

// CertsMarkdown writes certificates as a table for an issue or a pull request, and below it what
// is wrong with some.
func CertsMarkdown(w io.Writer, dues []planner.Due) error {
	m := &markdown{}
	m.WriteString("| expires | days | state | app | environment | bundle ID |\n|---|---:|---|---|---|---|\n")
	wrong := section{title: "Remarks"}
	for _, d := range dues {
		expires, days := expiryOf(d)
		m.WriteString(tableRow([]string{expires, days, string(d.State), cell(d.App), string(d.Environment), cell(d.BundleID)}))
		if d.Message != "" {
			wrong.add(remark{app: d.App, about: string(d.Environment), text: d.Message})
		}
	}
	m.sections(wrong)
	_, err := io.WriteString(w, m.String())
	return err
}

// CertsJSON writes certificates as a JSON array.
func CertsJSON(w io.Writer, dues []planner.Due) error { return JSON(w, orEmpty(dues)) }

// CertsCalendar writes an iCalendar (RFC 5545) with an all-day event for each expiry and an
// alarm so long before it, at least a day. The event of a certificate keeps its UID, so that a
// calendar that reads the file again does not show it twice.
func CertsCalendar(w io.Writer, dues []planner.Due, before time.Duration, now time.Time) error {
	cal := ics.NewCalendarFor("jpsync")
	cal.SetProductId("-//jpsync//push certificates//EN")
	cal.SetMethod(ics.MethodPublish)
	cal.SetName("Push certificates")
	for _, d := range dues {
		if d.NotAfter.IsZero() {
			continue
		}
		app, file := Printable(d.App), cmp.Or(Printable(d.File), "the old one")
		event := cal.AddEvent(eventID(d))
		event.SetDtStampTime(now)
		event.SetAllDayStartAt(d.NotAfter.UTC())
		event.SetTimeTransparency(ics.TransparencyTransparent)
		event.SetSummary(fmt.Sprintf("%s: %s push certificate expires", app, d.Environment))
		event.SetDescription(fmt.Sprintf("Bundle ID %s, valid until %s. Renew it at developer.apple.com for the same bundle ID, replace %s with the new file and run jpsync apply.",
			Printable(d.BundleID), d.NotAfter.UTC().Format(time.RFC3339), file))
		alarm := event.AddAlarm()
		alarm.SetAction(ics.ActionDisplay)
		alarm.SetTrigger(fmt.Sprintf("-P%dD", max(1, int(before.Hours()/24))))
		alarm.SetDescription(fmt.Sprintf("Renew the %s push certificate of %s", d.Environment, app))
	}
	_, err := io.WriteString(w, cal.Serialize(ics.WithNewLineWindows)) // RFC 5545 requires CRLF
	return err
}

// eventID depends on the app, the environment and the certificate alone.
func eventID(d planner.Due) string {
	sum := sha256.Sum256([]byte(d.App + "\x00" + string(d.Environment) + "\x00" + d.Fingerprint))
	return hex.EncodeToString(sum[:16]) + "@jpsync"
}

// CertificateText writes what is known of a certificate, and the findings about it.
func CertificateText(w io.Writer, c *pushcert.Certificate, findings []pushcert.Finding, now time.Time, st Style) error {
	environments := cmp.Or(strings.Join(c.Environments(), " and "), "none")
	if c.Universal() {
		environments = "universal: development and production"
	}
	key := "not in the file"
	switch {
	case c.HasKey && c.KeyMatches:
		key = c.KeyType + ", belongs to the certificate"
	case c.HasKey:
		key = c.KeyType + ", belongs to another certificate"
	}
	voip := "no"
	if c.VoIP {
		voip = "yes"
	}
	t := newText(w, st)
	t.table([][]string{
		{"bundle ID", value(c.BundleID)},
		{"environments", environments},
		{"topics", value(strings.Join(c.Topics, " "))},
		{"VoIP", voip},
		{"common name", value(c.CommonName)},
		{"issuer", value(c.Issuer)},
		{"serial", c.Serial},
		{"valid from", c.NotBefore.UTC().Format(time.RFC3339)},
		{"valid until", c.NotAfter.UTC().Format(time.RFC3339) + " (" + timeLeft(c.NotAfter, now) + ")"},
		{"private key", key},
		{"fingerprint", c.Fingerprint},
		{"encryption", value(c.Encryption)},
		{"certificates", strconv.Itoa(c.ChainLength) + " in the file"},
	})
	for _, f := range findings {
		color := yellow
		if f.Severity == pushcert.SeverityError {
			color = red
		}
		t.line(st.Wrap(st.paint(string(f.Severity), color)+" ", "  ", Printable(f.Message+": "+f.Remedy)+" ["+string(f.Code)+"]"))
	}
	return t.Flush()
}

// CertificateJSON writes what is known of a certificate in a file, and the findings about it.
func CertificateJSON(w io.Writer, file string, c *pushcert.Certificate, findings []pushcert.Finding) error {
	shown := *c
	shown.NotBefore, shown.NotAfter, shown.Topics = c.NotBefore.UTC(), c.NotAfter.UTC(), orEmpty(c.Topics)
	return JSON(w, struct {
		File         string   `json:"file"`
		Environments []string `json:"environments"`
		Universal    bool     `json:"universal"`
		pushcert.Certificate
		Findings []pushcert.Finding `json:"findings"`
	}{file, orEmpty(c.Environments()), c.Universal(), shown, orEmpty(findings)})
}
