package report

import (
	"bufio"
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
// not be looked into.
func CertsText(w io.Writer, dues []planner.Due, st Style) error {
	if len(dues) == 0 {
		_, err := fmt.Fprintln(w, "No certificates.")
		return err
	}
	rows := [][]string{{"EXPIRES", "DAYS", "STATE", "APP", "ENVIRONMENT", "BUNDLE ID", "TOPICS"}}
	for _, d := range dues {
		rows = append(rows, []string{orDash(d), daysOf(d), string(d.State), d.App, string(d.Environment), d.BundleID, topicsOf(d)})
	}
	if err := columnsText(w, rows, st, 6, 5, 3); err != nil {
		return err
	}
	for _, d := range dues {
		if d.Message != "" {
			line := st.Wrap("  "+st.paint("!", red)+" ", "      ", printable(d.App)+" "+string(d.Environment)+": "+printable(d.Message))
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

func orDash(d planner.Due) string {
	if d.NotAfter.IsZero() {
		return "-"
	}
	return day(d.NotAfter)
}

func daysOf(d planner.Due) string {
	if d.NotAfter.IsZero() {
		return "-"
	}
	return strconv.Itoa(d.DaysLeft)
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

// CertsMarkdown writes certificates as a table for an issue or a pull request.
func CertsMarkdown(w io.Writer, dues []planner.Due) error {
	b := bufio.NewWriter(w)
	b.WriteString("| expires | days | state | app | environment | bundle ID |\n|---|---:|---|---|---|---|\n")
	for _, d := range dues {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", orDash(d), daysOf(d), d.State, cell(d.App), d.Environment, cell(d.BundleID))
	}
	return b.Flush()
}

// CertsJSON writes certificates as a JSON array.
func CertsJSON(w io.Writer, dues []planner.Due) error {
	if dues == nil {
		dues = []planner.Due{}
	}
	return JSON(w, dues)
}

// CertsCalendar writes an iCalendar (RFC 5545): a day for each expiry, and an alarm so long
// before it. An entry keeps its UID for as long as the certificate is the same, so that a
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
		event := cal.AddEvent(eventID(d))
		event.SetDtStampTime(now)
		event.SetAllDayStartAt(d.NotAfter.UTC())
		event.SetTimeTransparency(ics.TransparencyTransparent)
		event.SetSummary(fmt.Sprintf("%s: %s push certificate expires", printable(d.App), d.Environment))
		event.SetDescription(fmt.Sprintf("Bundle ID %s, until %s. Renew it at developer.apple.com for the same bundle ID, put the new file in place of %s and run jpsync apply.",
			printable(d.BundleID), d.NotAfter.UTC().Format(time.RFC3339), fileOf(d)))
		alarm := event.AddAlarm()
		alarm.SetAction(ics.ActionDisplay)
		alarm.SetTrigger(fmt.Sprintf("-P%dD", max(1, int(before.Hours()/24))))
		alarm.SetDescription(fmt.Sprintf("Renew the %s push certificate of %s", d.Environment, printable(d.App)))
	}
	_, err := io.WriteString(w, cal.Serialize(ics.WithNewLineWindows)) // RFC 5545 wants CRLF
	return err
}

// eventID is the same for the same certificate in the same slot of the same app.
func eventID(d planner.Due) string {
	sum := sha256.Sum256([]byte(d.App + "\x00" + string(d.Environment) + "\x00" + d.Fingerprint))
	return hex.EncodeToString(sum[:16]) + "@jpsync"
}

func fileOf(d planner.Due) string {
	if d.File == "" {
		return "the old one"
	}
	return printable(d.File)
}

// CertificateText writes all that is known of one certificate, and what speaks against it.
func CertificateText(w io.Writer, c *pushcert.Certificate, findings []pushcert.Finding, now time.Time, st Style) error {
	good := strings.Join(c.Environments(), " and ")
	switch {
	case c.Universal():
		good = "universal: development and production"
	case good == "":
		good = "none"
	}
	key := "not in the file"
	if c.HasKey {
		key = c.KeyType + ", belongs to another certificate"
		if c.KeyMatches {
			key = c.KeyType + ", belongs to the certificate"
		}
	}
	rows := [][]string{
		{"bundle ID", value(c.BundleID)},
		{"environments", good},
		{"topics", value(strings.Join(c.Topics, " "))},
		{"VoIP", yesNo(c.VoIP)},
		{"common name", value(c.CommonName)},
		{"issuer", value(c.Issuer)},
		{"serial", c.Serial},
		{"valid from", c.NotBefore.UTC().Format(time.RFC3339)},
		{"valid until", c.NotAfter.UTC().Format(time.RFC3339) + " (" + remaining(c.NotAfter, now) + ")"},
		{"private key", key},
		{"fingerprint", c.Fingerprint},
		{"encryption", value(c.Encryption)},
		{"certificates", strconv.Itoa(c.ChainLength) + " in the file"},
	}
	if err := columnsText(w, rows, Style{}); err != nil {
		return err
	}
	for _, f := range findings {
		color := yellow
		if f.Severity == pushcert.SeverityError {
			color = red
		}
		line := st.Wrap(st.paint(string(f.Severity), color)+" ", "  ", printable(f.Message+": "+f.Remedy)+" ["+string(f.Code)+"]")
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func remaining(notAfter, now time.Time) string {
	if days := planner.DaysLeft(notAfter, now); notAfter.After(now) {
		return count(days, "day") + " left"
	} else {
		return "expired " + count(-days, "day") + " ago"
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
