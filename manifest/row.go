package manifest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// row reads an app from a row. It makes the nodes that the same app has in YAML, so that both
// are read and checked by the same code.
func (r *reader) row(s *sheet, columns []column, record []string) {
	start := s.cell(0)
	if len(record) < len(columns) {
		r.loader.errs.add(start, "too few cells: the row has %d, the first line has %d", len(record), len(columns))
		return
	}
	for i, text := range record {
		if text != "" && (i >= len(columns) || columns[i].path == nil) {
			r.loader.errs.add(s.cell(i), "unexpected cell: name its column in the first line, or put a cell with a comma in it in quotes")
			return
		}
	}
	app := mappingNode(start)
	places := make(map[Position]string, len(columns))
	for i, c := range columns {
		text := record[i]
		if c.path == nil || text == "" && !slices.Contains(requiredColumns, c.name) {
			continue
		}
		at := s.cell(i)
		places[at] = c.name
		put(app, c.path, valueNode(c, text, at))
	}
	switchOff(app)
	before := len(r.loader.errs.list)
	r.app(app)
	if r.loader.stopped {
		return
	}
	for i := range r.loader.errs.list[before:] {
		e := &r.loader.errs.list[before+i]
		if name, ok := places[e.Pos]; ok {
			e.Message += " (column " + clip(name) + ")"
		}
	}
}

// put sets the value at a path of keys in a mapping.
func put(m *yaml.Node, path []string, value *yaml.Node) {
	for _, key := range path[:len(path)-1] {
		next := valueOf(m, key)
		if next == nil {
			next = mappingNode(Position{Line: value.Line, Column: value.Column})
			m.Content = append(m.Content, textNode(key), next)
		}
		m = next
	}
	m.Content = append(m.Content, textNode(path[len(path)-1]), value)
}

// switchOff makes certificates null that have nothing but a file that is null.
func switchOff(app *yaml.Node) {
	certificates := valueOf(app, "certificates")
	if certificates == nil {
		return
	}
	for i, c := range certificates.Content {
		if len(c.Content) == 2 && isNull(c.Content[1]) {
			certificates.Content[i] = c.Content[1]
		}
	}
}

func mappingNode(at Position) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: at.Line, Column: at.Column}
}

func textNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

// valueNode is a cell as YAML. Excel writes true as TRUE.
func valueNode(c column, text string, at Position) *yaml.Node {
	n := textNode(text)
	n.Line, n.Column = at.Line, at.Column
	switch {
	case c.name == "protect" && (strings.EqualFold(text, "true") || strings.EqualFold(text, "false")):
		n.Tag = "!!bool"
	case text == "-" && (c.name == "group_name" || c.path[0] == "certificates" && strings.HasSuffix(c.name, ".file")):
		n.Tag = "!!null"
	}
	return n
}
