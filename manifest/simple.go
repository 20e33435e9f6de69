package manifest

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// simple reads the entries of a piece that are written as programs and most people write
// them: mappings in lines or in braces, of keys that are words and of values that are plain
// or quoted and end in their line. It makes the nodes that the YAML package would make, in a
// tenth of the time, since it uses the same ones for every entry. It gives up on anything
// else that YAML has, and then the YAML package reads the piece: it never has to be right
// about more than it understands.
type simple struct {
	text   string
	at     int // in bytes
	line   int // of at, from 1
	mark   int // where col is the column of, in the same line
	col    int // from 1, in characters
	indent int // of the entries, in bytes; -1 before the first

	nodes []*yaml.Node
	used  int // of nodes, by the entry
}

// maxSimpleDepth is deeper than any app is.
const maxSimpleDepth = 8

func newSimple(text string) *simple {
	return &simple{text: text, line: 1, col: 1, indent: -1}
}

// simpleEntries reads entries of a piece up to the first that is not simple and says how many
// there were, and whether nothing is left to do.
func (l *loader) simpleEntries(text []byte) (read int, done bool) {
	if len(text) > looseBytes {
		return 0, false
	}
	// Where lines end is not seen in any node, and texts of several lines are not simple.
	s := newSimple(strings.ReplaceAll(string(text), "\r\n", "\n"))
	if !simpleText(s.text) {
		return 0, false
	}
	for ; ; read++ {
		entry, end := s.next()
		if entry == nil {
			return read, end
		}
		if l.full(entry) {
			return read, true
		}
		l.app(entry)
	}
}

// simpleText reports whether a text has none of the characters that mean something else than
// themselves wherever they stand, or nothing at all: tabs, carriage returns, controls.
func simpleText(text string) bool {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\n' || c == 0x7F {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 || r < 0xA0 || r == '\u2028' || r == '\u2029' ||
			r == 0xFEFF || r == 0xFFFE || r == 0xFFFF {
			return false
		}
		i += size
	}
	return true
}

// next returns the next entry, whose nodes are used again for the one after it. It is nil
// at the end, and where done is false because of something that is for the YAML package.
func (s *simple) next() (entry *yaml.Node, done bool) {
	s.used = 0
	indent, more := s.lineIndent()
	if !more {
		return nil, true
	}
	if s.indent < 0 {
		s.indent = indent
	}
	if indent != s.indent || !s.entryAt(indent) {
		return nil, false
	}
	s.at += indent + 1
	s.spaces()
	if s.peek() == '{' {
		if entry = s.flow(0); entry == nil || !s.endLine() {
			return nil, false
		}
	} else if entry = s.block(s.column()-1, 0); entry == nil {
		return nil, false
	}
	// What follows has to be another entry: anything else may belong to this one.
	if indent, more := s.lineIndent(); more && (indent != s.indent || !s.entryAt(indent)) {
		return nil, false
	}
	return entry, false
}

func (s *simple) entryAt(indent int) bool { return strings.HasPrefix(s.text[s.at+indent:], "- ") }

// lineIndent skips empty lines and comments and tells how far the next line is indented. It
// stays at the line's beginning.
func (s *simple) lineIndent() (indent int, more bool) {
	for {
		i := s.at
		for i < len(s.text) && s.text[i] == ' ' {
			i++
		}
		if i == len(s.text) {
			return 0, false
		}
		switch s.text[i] {
		case '\n', '#':
			s.skipLine()
		default:
			return i - s.at, true
		}
	}
}

// skipLine goes to the beginning of the next line, if there is one.
func (s *simple) skipLine() {
	end := strings.IndexByte(s.text[s.at:], '\n')
	if end < 0 {
		s.at = len(s.text)
		return
	}
	s.at += end + 1
	s.line++
	s.mark, s.col = s.at, 1
}

// peek is the character here, a line's end at the end of the text.
func (s *simple) peek() byte {
	if s.at == len(s.text) {
		return '\n'
	}
	return s.text[s.at]
}

func (s *simple) spaces() {
	for s.peek() == ' ' {
		s.at++
	}
}

// endLine takes the rest of a line, which has to be empty but for a comment.
func (s *simple) endLine() bool {
	s.spaces()
	if c := s.peek(); c != '\n' && (c != '#' || s.text[s.at-1] != ' ') {
		return false
	}
	s.skipLine()
	return true
}

// column is where the text is at, from 1, in characters.
func (s *simple) column() int {
	s.col += utf8.RuneCountInString(s.text[s.mark:s.at])
	s.mark = s.at
	return s.col
}

// node takes a node out of those of earlier entries.
func (s *simple) node(kind yaml.Kind, tag string) *yaml.Node {
	if s.used == len(s.nodes) {
		s.nodes = append(s.nodes, new(yaml.Node))
	}
	n := s.nodes[s.used]
	s.used++
	n.Kind, n.Style, n.Tag, n.Value, n.Content = kind, 0, tag, "", n.Content[:0]
	n.Line, n.Column = s.line, s.column()
	return n
}

// block reads a mapping in lines that are indented by indent bytes, of which the first has
// been reached. It ends at the beginning of a line that is indented less.
func (s *simple) block(indent, depth int) *yaml.Node {
	m := s.node(yaml.MappingNode, "!!map")
	for depth < maxSimpleDepth {
		k := s.key()
		if k == nil {
			return nil
		}
		var v *yaml.Node
		if s.endLine() {
			deeper, more := s.lineIndent()
			if !more || deeper <= indent {
				return nil
			}
			s.at += deeper
			v = s.block(deeper, depth+1)
		} else if v = s.value(false, depth); v != nil && !s.endLine() {
			return nil
		}
		if v == nil {
			return nil
		}
		m.Content = append(m.Content, k, v)
		next, more := s.lineIndent()
		switch {
		case !more || next < indent:
			return m
		case next > indent:
			return nil
		}
		s.at += next
	}
	return nil
}

// flow reads a mapping in braces.
func (s *simple) flow(depth int) *yaml.Node {
	m := s.node(yaml.MappingNode, "!!map")
	m.Style = yaml.FlowStyle
	s.at++
	s.spaces()
	if s.peek() == '}' {
		s.at++
		return m
	}
	for depth < maxSimpleDepth {
		k := s.key()
		if k == nil {
			return nil
		}
		s.spaces()
		v := s.value(true, depth)
		if v == nil {
			return nil
		}
		m.Content = append(m.Content, k, v)
		s.spaces()
		switch s.peek() {
		case '}':
			s.at++
			return m
		case ',':
			s.at++
			s.spaces()
		default:
			return nil
		}
	}
	return nil
}
