package manifest

import (
	"io"
	"math"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Columns are the columns that a CSV file of apps may have, in any order. Its first line names
// them. labels.NAME stands for any number of columns, one for each label. app_name and
// android_package are required.
//
// An empty cell means that the field is missing, so the defaults apply. A "-" as group_name or
// as the file of a certificate is null, which switches a default off. A password is a reference
// to an environment variable or to a file, never the password itself. Paths are relative to the
// CSV file and may have placeholders. Rows and columns that are empty are skipped.
//
// Blanks around a cell are dropped, those of a reference to a password included: no name of a
// variable has any, and for a file whose name has, there is YAML.
//
// The file is UTF-8, UTF-16 with a byte order mark, or GB18030 if the manifest says so. Cells are
// separated by commas, or by semicolons or tabs if the first line has no comma. As for Excel, a
// line such as sep=; above the first one may set the separator.
var Columns = []string{
	"id", "app_name", "android_package", "group_name", "bundle_id", "protect", "labels.NAME",
	"certificates.development.file", "certificates.development.password_env", "certificates.development.password_file",
	"certificates.production.file", "certificates.production.password_env", "certificates.production.password_file",
}

var requiredColumns = []string{"app_name", "android_package"}

// maxColumns is well above all fields of an app and as many labels as it may have.
const maxColumns = 200

var appsFromSpec = &mappingSpec{what: "apps_from", keys: []string{"csv", "encoding"}}

// appsFrom reads the CSV file that apps_from names.
func (r *reader) appsFrom(n *yaml.Node) {
	f, ok := r.mapping(n, appsFromSpec)
	if !ok {
		return
	}
	if !given(f["csv"]) {
		r.errorf(n, "apps_from has no csv, it is {csv: PATH}")
		return
	}
	name, ok := r.text(f["csv"], "the csv of apps_from")
	encoding, known := r.encoding(f["encoding"])
	if !ok || !known {
		return
	}
	rel, problem := local(r.rel, name)
	if problem != "" {
		r.check(f["csv"], "the csv of apps_from", problem)
		return
	}
	if first, dup := r.loader.sheets[rel]; dup {
		r.errorf(f["csv"], "duplicate csv, the first is at %s", first)
		return
	}
	r.loader.sheets[rel] = r.pos(f["csv"])
	if err := r.loader.csvFile(rel, encoding); err != nil {
		r.errorf(f["csv"], "apps_from: %s", err)
	}
}

// encoding reads the encoding of a CSV file, which may be missing.
func (r *reader) encoding(n *yaml.Node) (encoding string, ok bool) {
	if !given(n) {
		return utf8Encoding, true
	}
	encoding, ok = r.text(n, "encoding")
	if ok && encoding != utf8Encoding && encoding != gb18030Encoding {
		r.errorf(n, "encoding must be utf-8 or gb18030, which includes GBK and GB 2312")
		return "", false
	}
	return encoding, ok
}

func (l *loader) csvFile(rel, encoding string) error {
	r, data, err := l.readFile(rel, "CSV file")
	if err != nil {
		return err
	}
	text, problem, at := decodeCSV(data, encoding)
	if problem != "" {
		l.errs.add(Position{r.name, at.Line, at.Column}, "%s", problem)
		return nil
	}
	l.pin(rel, []byte(text))
	r.csv(text)
	return nil
}

// csv reads the apps of a CSV file.
func (r *reader) csv(text string) {
	comma, text, problem := separator(text)
	if problem != "" {
		r.loader.errs.add(Position{r.name, 1, 1}, "%s", problem)
		return
	}
	defer func(budget int64) { r.loader.budget = budget }(r.loader.budget)
	r.loader.budget = math.MaxInt64 // there are no aliases
	s := newSheet(r.name, text, comma)
	names, err := s.next()
	if err == io.EOF {
		r.loader.errs.add(Position{r.name, 1, 1}, "the file is empty, its first line must name the columns: %s", strings.Join(Columns, ", "))
		return
	}
	if err != nil {
		r.badRow(s, err)
		return
	}
	columns := r.header(s, names)
	for columns != nil && !r.loader.stopped {
		record, err := s.next()
		switch {
		case err == io.EOF:
			return
		case err == nil:
			r.row(s, columns, record)
		default:
			r.badRow(s, err)
			if err == errLongRow {
				return
			}
		}
	}
}

// badRow reports an error of [sheet.next].
func (r *reader) badRow(s *sheet, err error) {
	at, problem := s.explain(err)
	r.loader.errs.add(at, "%s", problem)
}

// separator returns the separator of a CSV file: that of a line sep=, which it blanks, or the
// first candidate in the first line. No name of a column has a candidate in it.
func separator(text string) (comma byte, rest, problem string) {
	line, _, _ := strings.Cut(text, "\n")
	if len(line) >= len("sep=") && strings.EqualFold(line[:len("sep=")], "sep=") {
		by := line[len("sep="):]
		if by != "," && by != ";" && by != "\t" {
			return 0, "", "sep= names no comma, semicolon or tab: separate cells by one of these"
		}
		return by[0], text[len(line):], ""
	}
	line, _, _ = strings.Cut(strings.TrimLeftFunc(text, isBlank), "\n")
	for _, c := range []byte{',', ';', '\t'} {
		if strings.IndexByte(line, c) >= 0 {
			return c, text, ""
		}
	}
	return ',', text, ""
}

// column is one of a CSV file's. path are the keys that lead to its value in an app; a column
// without a name has none.
type column struct {
	name string
	path []string
}

// columnOf recognizes a column by its name, or returns the name that was perhaps meant.
func columnOf(name string) (c column, near string) {
	c.name = name
	prefix, key, _ := strings.Cut(name, ".")
	switch {
	case prefix == "labels" && key != "":
		c.path = []string{"labels", key}
	case slices.Contains(Columns, name):
		c.path = strings.Split(strings.Replace(name, "password_", "password.", 1), ".")
	case key != "" && Suggest(prefix, []string{"labels"}) != "":
		near = "labels." + key
	default:
		near = Suggest(name, Columns)
	}
	return c, near
}

// header reads the names of the columns. It returns nil if there is a mistake in them: the rows
// are not read then.
//
// A name is repeated in an error only if it is near a column's: the first line may be a row, with
// who knows what in its cells.
func (r *reader) header(s *sheet, record []string) []column {
	for len(record) > 0 && record[len(record)-1] == "" {
		record = record[:len(record)-1] // columns that Excel writes and nobody sees
	}
	if len(record) > maxColumns {
		r.loader.errs.add(s.cell(0), "there are more than %d columns", maxColumns)
		return nil
	}
	columns := make([]column, len(record))
	named := make(map[string]Position) // the columns that are named or perhaps meant
	start := s.cell(0)
	known := ", known are " + strings.Join(Columns, ", ") // said once
	var problems errorList
	for i, name := range record {
		if name == "" {
			continue
		}
		c, near := columnOf(name)
		at := s.cell(i)
		first, dup := named[name]
		switch {
		case near != "":
			problems.add(at, "unknown column %q, did you mean %q?", clip(name), near)
			named[near] = at
		case c.path == nil:
			problems.add(at, "unknown column%s", known)
			known = ""
		case dup:
			problems.add(at, "duplicate column %q, the first is at %s", clip(name), first)
		case c.path[0] == "labels" && checkLabelKey(c.path[1]) != "":
			problems.add(at, "a label's key %s", checkLabelKey(c.path[1]))
		default:
			named[name] = at
			columns[i] = c
		}
	}
	if len(named) == 0 {
		r.loader.errs.add(start, "the first line must name the columns, separated by commas, semicolons or tabs: %s", strings.Join(Columns, ", "))
		return nil
	}
	for _, name := range requiredColumns {
		if _, ok := named[name]; !ok {
			problems.add(start, "column %s is missing", name)
		}
	}
	for _, e := range problems.list {
		r.loader.errs.add(e.Pos, "%s", e.Message)
	}
	if len(problems.list) > 0 {
		return nil
	}
	return columns
}
