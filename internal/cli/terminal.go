package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/term"

	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/state"
)

// This file owns the terminal. The rules: results go to standard output, everything else
// to standard error. Messages are lower case without a full stop, begin with the name of
// the program, and put what to do on a line of its own. Without a terminal, or with CI in
// the environment, there is no colour, no progress bar and no question.

// Host is what a command gets from its process.
type Host struct {
	In       io.Reader
	Out, Err io.Writer
	FS       state.FS // of the state and its journal; nil: the operating system's
}

type terminal struct {
	Host
	out, err report.Style // of the two outputs
	ask      bool         // a person can answer a question
	live     bool         // standard error can show a progress bar
	actions  *actions     // nil outside of GitHub Actions
	quiet    bool
	verbose  bool

	unprinted error // the first of printf
}

func newTerminal(host Host, color string, quiet, verbose bool) *terminal {
	inCI := os.Getenv("CI") != "" && os.Getenv("CI") != "false"
	if host.FS == nil {
		host.FS = state.OS{}
	}
	return &terminal{
		Host:    host,
		out:     style(host.Out, color, inCI),
		err:     style(host.Err, color, inCI),
		ask:     isTerminal(host.In) && isTerminal(host.Err) && !inCI,
		live:    isTerminal(host.Err) && !inCI && !quiet && os.Getenv("TERM") != "dumb",
		actions: findActions(host),
		quiet:   quiet,
		verbose: verbose,
	}
}

// style returns what a stream can show. NO_COLOR counts if it is not empty, as on
// no-color.org.
func style(w io.Writer, color string, inCI bool) report.Style {
	tty := isTerminal(w)
	st := report.Style{
		Lang:  report.LanguageOf(os.Getenv),
		Color: tty && !inCI && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && takesEscapes(fd(w)),
	}
	switch color {
	case "always":
		st.Color = true
	case "never":
		st.Color = false
	}
	if tty {
		if columns, _, err := term.GetSize(fd(w)); err == nil {
			st.Width = columns
		}
	}
	return st
}

func isTerminal(stream any) bool {
	n := fd(stream)
	return n >= 0 && term.IsTerminal(n)
}

func fd(stream any) int {
	if f, ok := stream.(interface{ Fd() uintptr }); ok {
		return int(f.Fd())
	}
	return -1
}

// fail prints an error, a message for each line of its text. Errors of a manifest are printed
// as compilers do, so that editors and CI find the place.
func (t *terminal) fail(err error) {
	text := report.ErrorText(err, t.err.Lang)
	if text == "" || readerLeft(err) {
		return
	}
	if has[manifest.Errors](err) {
		for line := range strings.SplitSeq(text, "\n") {
			fmt.Fprintln(t.Err, report.Printable(line))
		}
	} else {
		t.message("", text)
	}
	t.actions.place(err)
}

// readerLeft reports whether the error is only that the reader of standard output has closed
// it, as head does.
func readerLeft(err error) bool {
	e, ok := errors.AsType[*fs.PathError](err)
	return ok && e.Path == os.Stdout.Name() && errors.Is(e, syscall.EPIPE) && err.Error() == e.Error()
}

// info prints a message, except with --quiet.
func (t *terminal) info(format string, args ...any) {
	if !t.quiet {
		t.message("", fmt.Sprintf(format, args...))
	}
}

// detail prints a message with --verbose.
func (t *terminal) detail(format string, args ...any) {
	if t.verbose {
		t.message("", fmt.Sprintf(format, args...))
	}
}

// warn prints a warning, even with --quiet.
func (t *terminal) warn(format string, args ...any) {
	t.message("warning: ", fmt.Sprintf(format, args...))
}

// userinfo is where a URL may have a password. The program takes none there, but people try.
var userinfo = regexp.MustCompile(`(://[^\s/:@]*):[^\s@]*@`)

// message prints a message, parts of which may come from a server, a store or the command line.
func (t *terminal) message(kind, text string) {
	text = userinfo.ReplaceAllString(text, "$1:(secret)@")
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintln(t.Err, t.err.Wrap("jpsync: "+kind, "  ", report.Printable(line)))
	}
}

// notice prints what is asked about on the next line.
func (t *terminal) notice(format string, args ...any) {
	fmt.Fprintln(t.Err, report.Printable(fmt.Sprintf(format, args...)))
}

// printf prints a result of one line, whose arguments may come from a store. A command that could not
// print one ends with an error, since its work is done by then.
func (t *terminal) printf(format string, args ...any) {
	_, err := fmt.Fprintln(t.Out, report.Printable(fmt.Sprintf(format, args...)))
	t.unprinted = cmp.Or(t.unprinted, err)
}
