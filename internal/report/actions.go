package report

import (
	"fmt"
	"io"
	"strings"
)

// Level is how serious an [Annotation] is.
type Level string

// The levels of GitHub Actions that are of use here.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
)

// Annotation is a remark that GitHub Actions shows at a place in a file of the repository.
type Annotation struct {
	Level   Level
	File    string // relative to the repository's root, with slashes; empty: about no file
	Line    int    // from 1; 0: about the file as a whole
	Column  int    // from 1; 0: not known
	Message string
}

// Annotate writes an annotation as a workflow command, which the runner reads from standard
// output and standard error. The escapes are those of GitHub's own toolkit.
func Annotate(w io.Writer, a Annotation) error {
	var at []string
	if a.File != "" {
		at = append(at, "file="+property(a.File))
		if a.Line > 0 {
			at = append(at, fmt.Sprintf("line=%d", a.Line))
			if a.Column > 0 {
				at = append(at, fmt.Sprintf("col=%d", a.Column))
			}
		}
	}
	command := string(a.Level)
	if len(at) > 0 {
		command += " " + strings.Join(at, ",")
	}
	_, err := fmt.Fprintf(w, "::%s::%s\n", command, commandData(a.Message))
	return err
}

// minMasked is the length, in bytes, from which a value is masked. Masking a shorter one
// would spell it by the holes that it leaves in the log.
const minMasked = 4

// Mask has GitHub Actions blank a secret out of the log from now on. The runner masks line by
// line. A caller makes sure that nobody but the runner reads w.
func Mask(w io.Writer, secret string) error {
	for _, line := range strings.FieldsFunc(secret, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if len(line) < minMasked {
			continue
		}
		if _, err := fmt.Fprintf(w, "::add-mask::%s\n", commandData(line)); err != nil {
			return err
		}
	}
	return nil
}

func commandData(s string) string { return dataEscapes.Replace(s) }

func property(s string) string { return propertyEscapes.Replace(s) }

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// harmless takes from a name what a CI runner that reads the log would obey: GitHub's runner
// looks for ::command:: at the beginning of a line and for ##[command] anywhere in it.
func harmless(s string) string {
	if strings.Contains(s, "##[") {
		s = strings.ReplaceAll(s, "##[", "##\uFFFD[")
	}
	if rest := strings.TrimLeft(s, " \t"); strings.HasPrefix(rest, "::") {
		s = "\uFFFD:" + rest[2:]
	}
	return s
}
