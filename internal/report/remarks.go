package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"jpsync/executor"
	"jpsync/planner"
)

// A section is a titled list of remarks. Text and Markdown write the same sections.
type section struct {
	title       string
	sign, color string // of each remark in text
	remarks     []remark
}

// A remark is a sentence about an app, or about its certificate for an environment.
type remark struct {
	app    string
	about  string // an environment, a field, or nothing
	text   string
	code   string // of a problem, for scripts
	remedy string
}

// Place names an app or an action, and what of it is meant, if it is not the whole: "shop",
// "shop production", "upload production".
func Place(name, about string) string { return strings.TrimSpace(name + " " + about) }

// planSections are the remarks on a plan.
func planSections(p *planner.Plan) []section {
	corrections := section{title: "Corrected in the state, nothing is sent", sign: "~", color: yellow}
	for _, c := range p.Corrections {
		if !c.Quiet() {
			corrections.add(remark{app: c.App, about: string(c.Field), text: value(c.Recorded) + " -> " + value(c.Desired)})
		}
	}
	return append([]section{corrections, conflictSection(p)}, problemSections(p)...)
}

func conflictSection(p *planner.Plan) section {
	s := section{title: "Conflicts", sign: "!", color: red}
	for _, c := range p.Conflicts {
		s.add(remark{app: c.App, text: c.Message})
	}
	return s
}

func problemSections(p *planner.Plan) []section {
	errors := section{title: "Certificates that must not be sent", sign: "!", color: red}
	errors.problems(p.Errors, "")
	warnings := section{title: "Warnings", sign: "!", color: yellow}
	warnings.problems(p.Warnings, "")
	return []section{errors, warnings}
}

// failedSection lists the changes that failed and the uploads that were not sent.
func failedSection(p *planner.Plan, res *executor.Result, l Language) section {
	s := section{title: "Failed", sign: "!", color: red}
	if res != nil {
		for _, f := range res.Failures {
			s.add(failure(f, l))
		}
	}
	s.problems(p.Errors, "not sent: ")
	return s
}

func failure(f executor.Step, l Language) remark {
	message, remedy := l.failure(f)
	if action := string(f.Action); !strings.HasPrefix(message, action+" ") {
		message = action + ": " + message
	}
	if f.Outcome == executor.Unknown {
		message = "outcome unknown: " + message
	}
	return remark{app: f.App, about: string(f.Environment), text: message, remedy: remedy}
}

// noteSection lists what to know about changes that went well. The list of app keys marks
// adopted apps.
func noteSection(res *executor.Result) section {
	s := section{title: "Notes", sign: "!", color: yellow}
	var notes []planner.Problem // without codes
	for i := range res.Steps {
		if step := &res.Steps[i]; step.Note != "" && step.Outcome != executor.Adopted {
			notes = append(notes, planner.Problem{App: step.App, Environment: step.Environment, Message: step.Note})
		}
	}
	s.problems(notes, "")
	return s
}

func (s *section) add(r remark) { s.remarks = append(s.remarks, r) }

// problems adds a remark for each kind of problem, with all that have it.
func (s *section) problems(list []planner.Problem, prefix string) {
	var kinds []planner.Problem // the first one of each
	places := map[string][]string{}
	for _, p := range list {
		if places[p.Text()] == nil {
			kinds = append(kinds, p)
		}
		places[p.Text()] = append(places[p.Text()], Place(p.App, string(p.Environment)))
	}
	for _, p := range kinds {
		s.add(remark{app: strings.Join(places[p.Text()], ", "), text: prefix + p.Message, code: p.Code, remedy: p.Remedy})
	}
}

// told returns the remarks, with each remedy at the last one that it is for.
func (s section) told() []remark {
	last := map[string]int{}
	for i, r := range s.remarks {
		last[r.remedy] = i
	}
	remarks := slices.Clone(s.remarks)
	for i := range remarks {
		if r := &remarks[i]; last[r.remedy] != i {
			r.remedy = ""
		}
	}
	return remarks
}

func (t *textWriter) sections(list ...section) {
	for _, s := range list {
		if len(s.remarks) == 0 {
			continue
		}
		t.line(t.st.paint(s.title+":", bold, s.color))
		for _, r := range s.told() {
			text := Printable(Place(r.app, r.about)) + ": " + Printable(r.text)
			if r.code != "" {
				text += " [" + Printable(r.code) + "]"
			}
			t.line(t.st.Wrap("  "+t.st.paint(s.sign, bold, s.color)+" ", "      ", text))
			if r.remedy != "" {
				t.line(t.st.Wrap("      ", "      ", Printable(r.remedy)))
			}
		}
		t.line("")
	}
}

// Health is the verdict of a check of jpsync doctor.
type Health int

// The verdicts. Trouble prevents an apply, a warning does not.
const (
	Well Health = iota
	Warning
	Trouble
)

// Finding writes the line of a check: the verdict, what was checked, what was found, and what
// to do about it.
func Finding(w io.Writer, st Style, health Health, what, found, remedy string) {
	sign := st.paint("ok     ", green)
	switch health {
	case Warning:
		sign = st.paint("warning", bold, yellow)
	case Trouble:
		sign = st.paint("trouble", bold, red)
	}
	text := Printable(strings.ReplaceAll(found, "\n", "; "))
	if remedy != "" {
		text += " -> " + Printable(remedy)
	}
	fmt.Fprintln(w, st.Wrap(sign+"  "+pad(what, len("certificates"))+"  ", "         ", text))
}

// value shows that a value is not set.
func value(s string) string { return cmp.Or(s, "(unset)") }

// Plural returns "1 app" or "2 apps".
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// PluralIs returns "1 app is" or "2 apps are".
func PluralIs(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return Plural(n, what) + " are"
}
