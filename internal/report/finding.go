package report

import (
	"fmt"
	"io"
	"strings"
)

// Finding writes one line of a check-up: whether it is well, what was looked at, what was
// found, and what to do about it.
func Finding(w io.Writer, st Style, well bool, what, found, remedy string) {
	sign := st.paint("ok     ", green)
	if !well {
		sign = st.paint("trouble", bold, red)
	}
	text := printable(strings.ReplaceAll(found, "\n", "; "))
	if remedy != "" {
		text += " -> " + printable(remedy)
	}
	fmt.Fprintf(w, "%s  %s  %s\n", sign, pad(what, len("certificates")), text)
}
