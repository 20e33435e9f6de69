package manifest

import (
	"slices"
	"strings"

	"jpsync/internal/jpush"
)

// Columns are what a CSV file of apps may have, in any order, in its first line: the names
// of an app's fields. labels.NAME stands for any number of columns, one for each label.
// app_name and android_package have to be there.
//
// An empty cell gives nothing, so that the defaults apply; a "-" under group_name or under
// the file of a certificate is null, which switches a default off. A password is a reference
// to an environment variable or to a file, never the password itself. Paths are relative to
// the CSV file, with the placeholders that a manifest has. Rows and columns without anything
// in them are skipped.
//
// The file is UTF-8, or GB18030 if the manifest says so; commas separate the cells, or
// semicolons or tabs if the first line has no comma.
var Columns = []string{
	"id", "app_name", "android_package", "group_name", "bundle_id", "protect", "labels.NAME",
	"certificates.development.file", "certificates.development.password_env", "certificates.development.password_file",
	"certificates.production.file", "certificates.production.password_env", "certificates.production.password_file",
}

// maxColumns is well above all fields of an app and as many labels as it may have.
const maxColumns = 200

// columnKind is the place of a column's cells in an app.
type columnKind uint8

const (
	columnUnknown columnKind = iota
	columnNameless
	columnField // of the app itself
	columnLabel
	columnFile // of a certificate
	columnPasswordEnv
	columnPasswordFile
)

// column is one of a CSV file's.
type column struct {
	name string // as in the first line
	kind columnKind
	key  string            // of the app or of its labels
	env  jpush.Environment // of a certificate's columns
}

// columnOf knows a column by its name; the kind is columnUnknown for any other.
func columnOf(name string) column {
	c := column{name: name}
	if strings.TrimSpace(name) == "" {
		c.kind = columnNameless
		return c
	}
	if key, ok := strings.CutPrefix(name, "labels."); ok {
		c.kind, c.key = columnLabel, key
		return c
	}
	if !slices.Contains(Columns, name) {
		return c
	}
	rest, ok := strings.CutPrefix(name, "certificates.")
	if !ok {
		c.kind, c.key = columnField, name
		return c
	}
	env, part, _ := strings.Cut(rest, ".")
	c.env = jpush.Environment(env)
	switch part {
	case "file":
		c.kind = columnFile
	case "password_env":
		c.kind = columnPasswordEnv
	case "password_file":
		c.kind = columnPasswordFile
	}
	return c
}

func (c *column) known() bool { return c.kind > columnNameless }

func isColumn(name string) bool {
	c := columnOf(name)
	return c.known()
}

// commaOf tells what separates the cells by the first line. Names of columns have none of
// the candidates in them.
func commaOf(text string) byte {
	line, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	for _, comma := range []byte{',', ';', '\t'} {
		if strings.IndexByte(line, comma) >= 0 {
			return comma
		}
	}
	return ','
}

// header reads the names of the columns and says what is wrong with them. It reports whether
// the rows can be read by them.
func (l *loader) header(r *rows, cells []cell) (columns []column, ok bool) {
	if r.beyond.text != "" {
		l.cellError(cells[0], "there are more than %d columns", maxColumns)
		return nil, false
	}
	known := 0
	for _, c := range cells {
		columns = append(columns, columnOf(c.text))
		if columns[len(columns)-1].known() {
			known++
		}
	}
	if known == 0 {
		// Perhaps it is a row, whose cells are nothing to be repeated.
		l.cellError(cells[0], "the first line must name the columns: %s", strings.Join(Columns, ", "))
		return nil, false
	}
	first := make(map[string]cell, len(cells))
	labels := 0
	for i, c := range cells {
		if columns[i].kind == columnNameless {
			continue // Excel writes columns that nobody sees
		}
		if at, dup := first[c.text]; dup {
			l.cellError(c, "duplicate column %q, the first is at %s", clip(c.text), l.cellPos(at))
			columns[i].kind = columnUnknown
			continue
		}
		first[c.text] = c
		switch columns[i].kind {
		case columnUnknown:
			l.cellError(c, "%s", unknownColumn(c.text))
		case columnLabel:
			labels++
			if problem := checkLabelKey(columns[i].key); problem != "" {
				l.cellError(c, "a label's key %s", problem)
				columns[i].kind = columnUnknown
			}
		}
	}
	if labels > maxLabels {
		l.cellError(cells[0], "there are more than %d columns for labels", maxLabels)
		return nil, false
	}
	ok = true
	for _, name := range []string{"app_name", "android_package"} {
		if _, there := first[name]; !there {
			l.cellError(cells[0], "column %s is missing", name)
			ok = false
		}
	}
	return columns, ok
}

// unknownColumn says what is wrong with a column's name, and repeats it if it can be one.
func unknownColumn(name string) string {
	if bare := strings.TrimSpace(name); bare != name && isColumn(bare) {
		return "unknown column: there are blanks around its name"
	}
	message := "unknown column"
	if looksLikeKey(strings.ReplaceAll(name, ".", "_")) {
		message += " \"" + name + "\""
	}
	lower := strings.ToLower(name)
	if strings.Contains(lower, "password") || strings.Contains(lower, "secret") || strings.Contains(name, "密码") {
		if near := Suggest(name, Columns); strings.Contains(near, "_") && strings.Contains(lower, "_") {
			return message + ", did you mean \"" + near + "\"?"
		}
		return message + ": a CSV file has no secrets in it, name an environment variable under certificates.production.password_env or a file under certificates.production.password_file"
	}
	if strings.HasPrefix(lower, "labels.") {
		return message + ", did you mean \"labels." + name[len("labels."):] + "\"?"
	}
	if near := Suggest(name, Columns); near != "" {
		return message + ", did you mean \"" + near + "\"?"
	}
	return message + ", known are " + strings.Join(Columns, ", ")
}
