package report

import (
	"fmt"
	"io"
	"strings"
)

// Health is what a check-up says of one thing.
type Health int

// The kinds of findings. Trouble keeps an apply from working, a warning does not.
const (
	Well Health = iota
	Warning
	Trouble
)

// Finding writes one line of a check-up: whether it is well, what was looked at, what was
// found, and what to do about it.
func Finding(w io.Writer, st Style, health Health, what, found, remedy string) {
	sign := st.paint("ok     ", green)
	switch health {
	case Warning:
		sign = st.paint("warning", bold, yellow)
	case Trouble:
		sign = st.paint("trouble", bold, red)
	}
	text := printable(strings.ReplaceAll(found, "\n", "; "))
	if remedy != "" {
		text += " -> " + printable(remedy)
	}
	fmt.Fprintln(w, st.Wrap(sign+"  "+pad(what, len("certificates"))+"  ", "         ", text))
}
