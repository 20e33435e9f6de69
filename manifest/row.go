package manifest

import (
	"strings"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

// row makes a row of a CSV file the node that the same app would be in YAML, so that both
// are read and checked by the same code. All rows of a file use the same nodes, since
// nothing of an app's node is kept.
type row struct {
	columns []column
	named   int          // columns up to the last one with a name, which a row has at least
	width   int          // cells of the first line
	keys    []*yaml.Node // one for each column
	values  []*yaml.Node // one for each column

	app, labels, certificates *yaml.Node
	labelsKey, certsKey       *yaml.Node
	slots                     []slot
}

// slot is the certificate of one environment.
type slot struct {
	env              jpush.Environment
	key, certificate *yaml.Node
	file             *yaml.Node // nil: none in this row
	fileKey          *yaml.Node
	passwordKey      *yaml.Node
	password         *yaml.Node
}

func newRow(columns []column, width int) *row {
	r := &row{
		columns: columns, width: width,
		app:       mappingNode(),
		labels:    mappingNode(),
		labelsKey: textNode("labels"), certificates: mappingNode(), certsKey: textNode("certificates"),
	}
	for i, c := range columns {
		if c.kind != columnNameless {
			r.named = i + 1
		}
		r.values = append(r.values, textNode(""))
		switch c.kind {
		case columnPasswordEnv:
			r.keys = append(r.keys, textNode("env"))
		case columnPasswordFile, columnFile:
			r.keys = append(r.keys, textNode("file"))
		default:
			r.keys = append(r.keys, textNode(c.key))
		}
	}
	for _, env := range jpush.Environments {
		r.slots = append(r.slots, slot{
			env: env, key: textNode(string(env)), certificate: mappingNode(),
			fileKey: textNode("file"), passwordKey: textNode("password"), password: mappingNode(),
		})
	}
	return r
}

func mappingNode() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func textNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

// fill puts the cells in place, one for each column, and returns the app's node. It is valid
// until the next call.
func (r *row) fill(cells []cell) *yaml.Node {
	empty(r.app, cells[0])
	r.labels.Content, r.certificates.Content = r.labels.Content[:0], r.certificates.Content[:0]
	for i := range r.slots {
		s := &r.slots[i]
		s.file, s.certificate.Content, s.password.Content = nil, s.certificate.Content[:0], s.password.Content[:0]
	}
	for i, c := range cells {
		if c.text != "" || r.columns[i].required() {
			r.put(i, c)
		}
	}
	if len(r.labels.Content) > 0 {
		r.app.Content = append(r.app.Content, r.labelsKey, r.labels)
	}
	for i := range r.slots {
		r.slots[i].close(r.certificates)
	}
	if len(r.certificates.Content) > 0 {
		r.app.Content = append(r.app.Content, r.certsKey, r.certificates)
	}
	return r.app
}

// empty makes a mapping one that begins at c and has nothing yet.
func empty(m *yaml.Node, c cell) {
	m.Content, m.Line, m.Column = m.Content[:0], c.line, c.col
}

// required columns are empty texts when they are empty, which is said at the cell.
func (c *column) required() bool {
	return c.kind == columnField && (c.key == "app_name" || c.key == "android_package")
}

// put takes the cell of one column.
func (r *row) put(i int, c cell) {
	column, k, v := &r.columns[i], r.keys[i], r.values[i]
	v.Tag, v.Value, v.Line, v.Column = "!!str", c.text, c.line, c.col
	switch column.kind {
	case columnField:
		switch {
		case column.key == "protect" && (strings.EqualFold(c.text, "true") || strings.EqualFold(c.text, "false")):
			v.Tag = "!!bool" // Excel writes TRUE
		case column.key == "group_name" && c.text == off:
			v.Tag = "!!null"
		}
		r.app.Content = append(r.app.Content, k, v)
	case columnLabel:
		add(r.labels, k, v)
	case columnFile:
		if c.text == off {
			v.Tag = "!!null"
		}
		r.slot(column.env).file = v
	case columnPasswordEnv, columnPasswordFile:
		add(r.slot(column.env).password, k, v)
	}
}

// off in a cell is null: it switches a default off.
const off = "-"

// add puts a pair into a mapping, which begins where its first value does.
func add(m, k, v *yaml.Node) {
	if len(m.Content) == 0 {
		m.Line, m.Column = v.Line, v.Column
	}
	m.Content = append(m.Content, k, v)
}

func (r *row) slot(env jpush.Environment) *slot {
	if r.slots[0].env == env {
		return &r.slots[0]
	}
	return &r.slots[1]
}

// close adds the certificate to those of the app, if the row has one. A file that is
// switched off and a password together are no certificate, and told as that.
func (s *slot) close(certificates *yaml.Node) {
	switch {
	case len(s.password.Content) > 0:
		if s.file != nil {
			add(s.certificate, s.fileKey, s.file)
		}
		add(s.certificate, s.passwordKey, s.password)
	case s.file == nil:
		return
	case s.file.Tag == "!!null":
		add(certificates, s.key, s.file)
		return
	default:
		add(s.certificate, s.fileKey, s.file)
	}
	add(certificates, s.key, s.certificate)
}

// name adds the column to an error that is about a cell of the row.
func (r *row) name(e *Error, file string, cells []cell) {
	if e.Pos.File != file {
		return
	}
	for i, c := range cells {
		if e.Pos.Line == c.line && e.Pos.Column == c.col {
			e.Message += " (column " + clip(r.columns[i].name) + ")"
			return
		}
	}
}
