package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"jpsync/planner"
)

var (
	//go:embed page/certs.html.tmpl
	pageText string
	//go:embed page/certs.css
	pageStyle string
	//go:embed page/certs.js
	pageScript string
)

// maxSpan is how many days the timeline shows at most. Apple issues push certificates for 13
// months.
const maxSpan = 400

// certsPage is what the template of the page shows.
type certsPage struct {
	Policy string // the Content-Security-Policy: our own style and script, and nothing else
	Style  template.CSS
	Script template.JS
	Time   string
	Counts string
	Labels []string // key=value
	Span   int      // the days of the timeline
	Line   float64  // the width of a line between months, in days
	Months []month
	Rows   []certRow
}

// month is the first of a month on the timeline.
type month struct {
	Name    string // "" if there is no room for it
	Day     int
	Percent string // of the timeline
}

// certRow is one certificate.
type certRow struct {
	planner.Due
	Class  string   // the state, and l and the index of each label
	Labels []string // key=value
	Status string
	Bar    string // an SVG path
}

// CertsHTML writes certificates as a page with a timeline, for a browser or for paper. The page
// loads nothing, and its policy lets only its own style and script into it.
func CertsHTML(w io.Writer, dues []planner.Due, none string, now time.Time) error {
	p := certsPage{
		Policy: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", integrity(pageStyle), integrity(pageScript)),
		Style:  template.CSS(pageStyle),
		Script: template.JS(pageScript),
		Time:   now.UTC().Format("2006-01-02 15:04 UTC"),
		Counts: countStates(dues, none),
		Labels: labelsOf(dues...),
		Span:   1,
	}
	for _, d := range dues {
		p.Span = min(maxSpan, max(p.Span, d.DaysLeft+1))
	}
	p.Line = float64(p.Span) / 400
	p.Months = months(now, p.Span)
	for _, d := range dues {
		p.Rows = append(p.Rows, rowOf(d, p.Labels, p.Span, now))
	}
	page := template.Must(template.New("certs").Funcs(template.FuncMap{"printable": Printable, "day": day}).Parse(pageText))
	b := bufio.NewWriter(w)
	if err := page.Execute(b, p); err != nil {
		return err
	}
	return b.Flush()
}

// integrity is the source of a Content-Security-Policy for an inline text.
func integrity(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// countStates says how many certificates are in each state, what needs attention first.
func countStates(dues []planner.Due, none string) string {
	if len(dues) == 0 {
		return none
	}
	counts := map[planner.CertificateState]int{}
	for _, d := range dues {
		counts[d.State]++
	}
	var parts []string
	for _, s := range []planner.CertificateState{planner.Unreadable, planner.Expired, planner.Expiring, planner.ToUpload, planner.Current, planner.OnlyRecorded} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	return strings.Join(parts, ", ") + "."
}

// labelsOf returns the labels of certificates as key=value, sorted.
func labelsOf(dues ...planner.Due) []string {
	var all []string
	for _, d := range dues {
		for key, value := range d.Labels {
			all = append(all, key+"="+value)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// months returns the first of each month in the days of the timeline. A long timeline names
// each third one only, and none at its end.
func months(now time.Time, span int) []month {
	now = now.UTC()
	var ms []month
	for i := 1; ; i++ {
		first := time.Date(now.Year(), now.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
		m := month{Day: planner.DaysLeft(first, now)}
		if m.Day >= span {
			return ms
		}
		m.Percent = fmt.Sprintf("%.1f%%", 100*float64(m.Day)/float64(span))
		if m.Day < span*85/100 && (span < 150 || first.Month()%3 == 1) {
			m.Name = first.Format("Jan 2006")
		}
		ms = append(ms, m)
	}
}

func rowOf(d planner.Due, labels []string, span int, now time.Time) certRow {
	r := certRow{Due: d, Class: strings.ReplaceAll(string(d.State), " ", "-"), Labels: labelsOf(d), Status: string(d.State)}
	for _, label := range r.Labels {
		index, _ := slices.BinarySearch(labels, label)
		r.Class += fmt.Sprintf(" l%d", index)
	}
	if d.NotAfter.IsZero() {
		return r
	}
	r.Bar = bar(d.NotAfter.Sub(now), span)
	if r.Status = timeLeft(d.NotAfter, now); d.State != planner.Expired {
		r.Status = string(d.State) + ", " + r.Status
	}
	return r
}

// bar is the SVG path of a certificate on a timeline that is span days wide and 10 high. It is
// an arrow if the expiry is not on the timeline.
func bar(left time.Duration, span int) string {
	days, end := left.Hours()/24, float64(span)
	tip := end / 50
	switch {
	case days <= 0:
		return fmt.Sprintf("M%g 0L0 5L%g 10z", tip, tip)
	case days > end:
		return fmt.Sprintf("M0 0H%gL%d 5L%g 10H0z", end-tip, span, end-tip)
	}
	return fmt.Sprintf("M0 0H%.1fV10H0z", max(days, tip/4))
}
