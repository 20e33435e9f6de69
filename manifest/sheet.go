package manifest

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

var appsFromShape = &shape{what: "apps_from", keys: []string{"csv", "encoding"}}

// appsFrom reads the CSV file that apps_from names.
func (l *loader) appsFrom(n *yaml.Node) {
	l.hasApps = true
	before := l.errs.calls
	var f [2]*yaml.Node
	if !l.fields(n, appsFromShape, f[:]) || l.errs.calls > before {
		return
	}
	if !l.given(f[0]) {
		l.errorf(n, "apps_from has no csv, it is {csv: PATH}")
		return
	}
	name, ok := l.text(f[0], "the csv of apps_from")
	encoding := UTF8
	if l.given(f[1]) {
		encoding = l.encoding(f[1])
	}
	if !ok || encoding == "" {
		return
	}
	rel, problem := localPath(l.rel, name)
	if problem != "" {
		l.errorf(f[0], "the csv of apps_from %s", problem)
		return
	}
	if first, dup := l.sheets[rel]; dup {
		l.errorf(f[0], "the csv of apps_from is read already, it is named at %s as well", first)
		return
	}
	at := l.pos(f[0])
	l.sheets[rel] = at
	back := l.spot
	if err := l.csvMember(rel, encoding); err != nil {
		l.errs.add(at, "apps_from: "+err.Error())
	}
	l.spot = back
}

func (l *loader) encoding(n *yaml.Node) string {
	s, ok := l.text(n, "encoding")
	if !ok {
		return ""
	}
	if err := CheckEncoding(s); err != nil {
		l.errorf(n, "encoding %s", err)
		return ""
	}
	return s
}

func (l *loader) csvMember(rel, encoding string) error {
	file, shown, err := l.openMember(rel, "CSV file")
	if err != nil {
		return err
	}
	data, err := l.take(file, rel, "CSV file", shown)
	if err != nil {
		return err
	}
	l.offset, l.gapAfter, l.gap = 0, 0, 0 // those of the file that names this one
	l.csv(data, encoding)
	return nil
}

// csv reads the apps of a CSV file.
func (l *loader) csv(data []byte, encoding string) {
	announce := `write "encoding: gb18030" beside csv`
	if l.verbatim { // no manifest names the file
		announce = "say so with --encoding gb18030"
	}
	text, at, problem := decodeCSV(data, encoding, announce)
	if problem == "" && strings.Contains(text, "\r") && !strings.Contains(text, "\n") {
		problem = "the lines end with CR alone: save the file with LF or CRLF"
	}
	if problem != "" {
		at.File = l.file
		l.errs.add(at, problem)
		return
	}
	r := newRows(text, commaOf(text))
	if problem := r.sepLine(); problem != "" {
		l.errs.add(Position{l.file, 1, 1}, problem)
		return
	}
	cells := r.next(nil)
	if cells == nil {
		l.errs.add(Position{l.file, 1, 1}, "the file is empty, its first line must name the columns: "+strings.Join(Columns, ", "))
		return
	}
	width := r.count
	columns, ok := l.header(r, cells)
	if r.broken {
		ok = false
	}
	if ok {
		l.grow(strings.Count(text, "\n"))
		l.rows(r, newRow(columns, width))
	}
	for _, p := range r.problems {
		l.errs.add(Position{l.file, p.line, p.col}, p.message)
	}
	l.errs.more += r.more
}

// rows reads the rows below the header.
func (l *loader) rows(r *rows, app *row) {
	var cells []cell
	for cells = r.next(cells); cells != nil; cells = r.next(cells) {
		if r.broken || isEmpty(cells) && r.beyond.text == "" {
			continue
		}
		extra := r.extra(cells, len(app.columns))
		if len(cells) < app.named || extra.text != "" {
			l.misfit(r, app, cells, extra)
			continue
		}
		cells = cells[:min(len(cells), len(app.columns))]
		l.nameless(app, cells)
		n := app.fill(cells)
		if l.full(n) {
			return
		}
		before, budget := len(l.errs.list), l.budget
		l.budget = maxAliasVisits // no aliases here: a row visits what it has
		l.app(n)
		l.budget = budget
		for i := before; i < len(l.errs.list); i++ {
			app.name(&l.errs.list[i], l.file, cells)
		}
	}
}

// misfit says what is wrong with a row that has too few cells, or an extra one with text.
func (l *loader) misfit(r *rows, app *row, cells []cell, extra cell) {
	cr, alone := loneCR(cells)
	switch {
	case alone:
		l.cellError(cr, isLoneCR)
	case len(cells) < app.named:
		l.cellError(cells[0], "the row has %s, the first line has %d", countCells(r.count), app.width)
	case r.count > app.width:
		l.cellError(extra, "the row has %d cells, the first line has %d", r.count, app.width)
	default:
		l.cellError(extra, underNoName)
	}
}

const isLoneCR = "a CR alone stands in this cell and ends no line: save the file with LF or CRLF"

// loneCR finds a cell with what was the end of a line to whatever wrote the file.
func loneCR(cells []cell) (cell, bool) {
	for _, c := range cells {
		if strings.Contains(c.text, "\r") {
			return c, true
		}
	}
	return cell{}, false
}

const underNoName = "the cell stands under a column without a name: name the column, or delete it in every row"

// nameless tells once of a column without a name that there is something in it.
func (l *loader) nameless(app *row, cells []cell) {
	for i, c := range cells {
		if column := &app.columns[i]; c.text != "" && column.kind == columnNameless {
			l.cellError(c, underNoName)
			column.kind = columnUnknown
		}
	}
}

func isEmpty(cells []cell) bool {
	for _, c := range cells {
		if c.text != "" {
			return false
		}
	}
	return true
}

func (l *loader) cellPos(c cell) Position { return Position{l.file, c.line, c.col} }

func countCells(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return fmt.Sprintf("%d cells", n)
}

// cellError adds an error. No error about a cell comes twice.
func (l *loader) cellError(c cell, format string, args ...any) {
	l.errs.addOnce(l.cellPos(c), format, args...)
}
