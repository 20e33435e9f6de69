package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxErrors bounds what one load reports. A file with more mistakes has one mistake, made by
// the program that wrote it.
const maxErrors = 1000

// Error is one mistake in a manifest. Its message never repeats the value of a secret, nor a
// value written where a reference to a secret belongs.
type Error struct {
	Pos     Position // zero: the manifest as a whole
	Message string
	more    int // of the last entry: how many mistakes have no entry of their own
}

// Error returns file:line:column: message.
func (e Error) Error() string {
	if e.Pos == (Position{}) {
		return e.Message
	}
	return e.Pos.String() + ": " + e.Message
}

// Errors are all mistakes in a manifest, in the order in which the files were read and by
// position in each file. It holds at most 1000 errors; after that a last entry without a
// position says how many more there are.
type Errors []Error

// Count returns how many mistakes there are, those without an entry of their own included.
func (e Errors) Count() int {
	if len(e) == 0 {
		return 0
	}
	if more := e[len(e)-1].more; more > 0 {
		return len(e) - 1 + more
	}
	return len(e)
}

// Error returns one line for each error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// errorList collects errors while a manifest is read. A node is read once for each alias of
// it, so the same error may come again: it is kept once.
type errorList struct {
	list []Error
	more int // errors beyond maxErrors
}

func (l *errorList) add(pos Position, format string, args ...any) {
	if len(l.list) >= maxErrors {
		l.more++
		return
	}
	e := Error{Pos: pos, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(l.list, e) {
		l.keep(e)
	}
}

// keep adds an error even when the list is full: the one that says why the load stopped.
func (l *errorList) keep(e Error) { l.list = append(l.list, e) }

// sorted returns the errors in the order of files, or nil if there are none.
func (l *errorList) sorted(files []string) error {
	if len(l.list) == 0 {
		return nil
	}
	order := make(map[string]int, len(files))
	for i, f := range files {
		order[f] = i
	}
	slices.SortStableFunc(l.list, func(a, b Error) int {
		return cmp.Or(
			cmp.Compare(order[a.Pos.File], order[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
		)
	})
	list := Errors(l.list)
	if l.more > 0 {
		list = append(list, Error{Message: fmt.Sprintf("and %d more errors", l.more), more: l.more})
	}
	return list
}
