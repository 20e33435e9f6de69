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
// semicolons or tabs if the first line has no comma. As for Excel, a line such as sep=; may
// say so above the names.
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

func isColumn(name string) bool { return columnOf(name).kind > columnNameless }
