package report

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"io"
	"strconv"
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
		Name    string       `xml:"name,attr"`      // the app's id and the step, since some viewers leave the class out
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
// class. A failed change, a certificate that must not be sent and a conflict are failures. A
// change that was not started is skipped.
func RunJUnit(w io.Writer, r Run) error {
	s := testSuite{Name: "jpsync apply", Time: strconv.FormatFloat(float64(r.Summary.ElapsedMS)/1000, 'f', 3, 64)}
	for _, c := range r.changes() {
		step := Place(string(c.Action), string(c.Environment))
		switch {
		case c.Outcome.OK():
			s.add(c.App, step, nil, nil)
		case c.Outcome == executor.NotStarted:
			why := c.Message
			if why == "" && r.Err != nil {
				why = "not started: " + r.Err.Error()
			}
			s.add(c.App, step, nil, &testSkipped{cmp.Or(why, "not started")})
		default:
			kind := string(c.Outcome)
			if c.Code != 0 {
				kind = strconv.Itoa(c.Code)
			}
			s.add(c.App, step, &testFailure{c.Message, kind, c.Remedy}, nil)
		}
	}
	for _, e := range r.Plan.Errors {
		s.add(e.App, Place("upload", string(e.Environment)), &testFailure{e.Message, e.Code, e.Remedy}, nil)
	}
	for _, c := range r.Plan.Conflicts {
		s.add(c.App, Place("conflict", string(c.Field)), &testFailure{c.Message, "conflict", ""}, nil)
	}
	return s.write(w)
}

// write writes the suite as the only one of a file.
func (s testSuite) write(w io.Writer) error {
	text, err := xml.MarshalIndent(testSuites{Name: s.Name, Tests: s.Tests, Failures: s.Failures, Time: s.Time, Suite: s}, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(bytes.Map(xmlRune, text))+"\n")
	return err
}

func (s *testSuite) add(app, step string, failure *testFailure, skipped *testSkipped) {
	s.Cases = append(s.Cases, testCase{Name: app + ": " + step, Class: app, Failure: failure, Skipped: skipped})
	s.Tests++
	if failure != nil {
		s.Failures++
	}
	if skipped != nil {
		s.Skipped++
	}
}

// xmlRune drops control characters, and the replacement characters that encoding/xml writes
// for those that XML 1.0 cannot hold.
func xmlRune(r rune) rune {
	if r != '\n' && control(r) || r == utf8.RuneError {
		return -1
	}
	return r
}
