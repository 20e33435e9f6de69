package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxErrors bounds what one load reports. A file with more mistakes than this has one
// mistake, made by whatever wrote it.
const maxErrors = 1000

// Error is one thing that is wrong with a manifest. Its message never repeats what stands
// where a secret is expected, since that may be the secret.
type Error struct {
	Pos     Position // zero: the manifest as a whole
	Message string
}

// Error is file:line:column: message.
func (e Error) Error() string {
	if e.Pos == (Position{}) {
		return e.Message
	}
	return e.Pos.String() + ": " + e.Message
}

// Errors is everything that is wrong with a manifest, in the order in which the files were
// read and by position in each. It holds at most 1000 errors; beyond that a last entry
// without a position says how many more there are.
type Errors []Error

// Error is one line for each error.
func (e Errors) Error() string {
	var b strings.Builder
	for i, err := range e {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find a single Error.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i := range e {
		list[i] = e[i]
	}
	return list
}

// collector gathers errors while a manifest is walked. An anchored node is walked once for
// each alias, so the same error may come in again: it is kept once.
type collector struct {
	list []Error
	seen map[Error]struct{}
	more int
	// calls counts what was added, also what was there already.
	calls int
}

func (c *collector) add(pos Position, message string) {
	c.calls++
	e := Error{Pos: pos, Message: message}
	if _, ok := c.seen[e]; ok {
		return
	}
	if len(c.list) >= maxErrors {
		c.more++
		return
	}
	c.keep(e)
}

// addOnce adds an error that does not come twice. It makes no text of one that is only counted.
func (c *collector) addOnce(pos Position, format string, args ...any) {
	if len(c.list) >= maxErrors {
		c.more++
		c.calls++
		return
	}
	c.add(pos, fmt.Sprintf(format, args...))
}

// keep adds an error whatever the number: the one that says why a load was given up.
func (c *collector) keep(e Error) {
	if c.seen == nil {
		c.seen = make(map[Error]struct{})
	}
	c.seen[e] = struct{}{}
	c.list = append(c.list, e)
}

// errors returns what came together, sorted; files is the order of the files. It is nil when
// nothing came.
func (c *collector) errors(files []string) error {
	if len(c.list) == 0 {
		return nil
	}
	order := make(map[string]int, len(files))
	for i, f := range files {
		order[f] = i
	}
	slices.SortStableFunc(c.list, func(a, b Error) int {
		return cmp.Or(
			cmp.Compare(order[a.Pos.File], order[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
		)
	})
	list := Errors(c.list)
	if c.more > 0 {
		list = append(list, Error{Message: fmt.Sprintf("and %d more errors", c.more)})
	}
	return list
}
