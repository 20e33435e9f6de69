package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"jpsync/executor"
)

// The JUnit form, as far as CI systems agree on it.
type (
	testSuites struct {
		XMLName  xml.Name  `xml:"testsuites"`
		Name     string    `xml:"name,attr"`
		Tests    int       `xml:"tests,attr"`
		Failures int       `xml:"failures,attr"`
		Time     string    `xml:"time,attr"` // seconds
		Suite    testSuite `xml:"testsuite"`
	}
	testSuite struct {
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Time     string     `xml:"time,attr"`
		Cases    []testCase `xml:"testcase"`
	}
	testCase struct {
		Name    string       `xml:"name,attr"`      // the app's id, and what was to be done
		Class   string       `xml:"classname,attr"` // the app's id
		Failure *testFailure `xml:"failure"`
		Skipped *testSkipped `xml:"skipped"`
	}
	testFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	testSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// RunJUnit writes an apply as JUnit XML: a test case for each change, with the app as its
// class. What failed, what must not be sent and what conflicts is a failure; what was not
// started is skipped. Names may hold anything; what XML 1.0 cannot is left out.
func RunJUnit(w io.Writer, r Run) error {
	s := testSuite{Name: "jpsync apply", Time: strconv.FormatFloat(float64(r.Summary.ElapsedMS)/1000, 'f', 3, 64)}
	for _, c := range r.changes() {
		t := testCase{Name: caseName(c.App, string(c.Action), string(c.Environment)), Class: c.App}
		switch {
		case c.Outcome.OK():
		case c.Outcome == executor.NotStarted:
			t.Skipped = &testSkipped{c.Message}
			if c.Message == "" {
				t.Skipped.Message = "not started: " + r.message(English)
			}
		default:
			kind := string(c.Outcome)
			if c.Code != 0 {
				kind = strconv.Itoa(c.Code)
			}
			t.Failure = &testFailure{c.Message, kind, c.Remedy}
		}
		s.Cases = append(s.Cases, t)
	}
	for _, e := range r.Plan.Errors {
		s.Cases = append(s.Cases, testCase{Name: caseName(e.App, "upload", string(e.Environment)), Class: e.App, Failure: &testFailure{e.Message, e.Code, ""}})
	}
	for _, c := range r.Plan.Conflicts {
		s.Cases = append(s.Cases, testCase{Name: caseName(c.App, "conflict", string(c.Field)), Class: c.App,
			Failure: &testFailure{fmt.Sprintf("%s is recorded as %q and desired as %q", c.Field, c.Recorded, c.Desired), "conflict", c.Message}})
	}
	s.count()
	return writeXML(w, testSuites{Name: s.Name, Tests: s.Tests, Failures: s.Failures, Time: s.Time, Suite: s})
}

// caseName has the app's id in it, since some that show such a report leave the class out.
func caseName(app, what, where string) string { return app + ": " + step(what, where) }

func step(what, where string) string { return strings.TrimSpace(what + " " + where) }

// count adds the cases up and makes their texts fit for XML.
func (s *testSuite) count() {
	s.Tests = len(s.Cases)
	for i := range s.Cases {
		c := &s.Cases[i]
		c.Name, c.Class = xmlText(c.Name), xmlText(c.Class)
		if c.Failure != nil {
			s.Failures++
			c.Failure.Message, c.Failure.Type, c.Failure.Text = xmlText(c.Failure.Message), xmlText(c.Failure.Type), xmlText(c.Failure.Text)
		}
		if c.Skipped != nil {
			s.Skipped++
			c.Skipped.Message = xmlText(c.Skipped.Message)
		}
	}
}

// xmlText drops the characters that XML 1.0 has no way to write, not even escaped, and those
// that steer a terminal or the reading direction.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		case r == '\t' || r == '\n' || r == '\r',
			r >= 0x20 && r < 0xd800,
			r >= 0xe000 && r < utf8.RuneError,
			r >= 0x10000:
			return r
		}
		return -1
	}, s)
}

func writeXML(w io.Writer, v any) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
