package manifest

import (
	"bytes"
	"errors"
	"maps"

	"gopkg.in/yaml.v3"
)

// A tree of nodes takes twenty times the memory of its text. Of a long file most is the list
// of apps, whose entries have nothing to do with each other, so that they are read some at a
// time: what remains of the file without them, the skeleton, is read first, then one piece
// of the list after the other.
//
// The text is cut in front of a line that has, as far as the first entry is indented, a "- ".
// A reader that is not within quotes or brackets there has closed every deeper block, and
// goes on as it would at the beginning of a list. Within quotes or brackets the piece before
// has them open at its end and cannot be read. So a file whose skeleton and pieces can all be
// read is the same in pieces; any other is read as a whole.

// pieceBytes is how long a piece is at least, in bytes.
const pieceBytes = 256 << 10

// cut is a file's list of apps.
type cut struct {
	data       []byte // the file
	start, end int    // of the list, in bytes
	line       int    // of "apps:"
	lines      int    // that the list has
	pieces     []piece
}

// piece is a part of the list.
type piece struct {
	start, end int // in bytes
	line       int // lines before it
	entries    int
}

// skeleton reads a file without its list of apps. It is nil when the file cannot be read in
// pieces.
func (l *loader) skeleton(data []byte) (*yaml.Node, *cut) {
	if len(data) <= l.pieceBytes || otherBreaks(data) {
		return nil, nil
	}
	c := findList(data, l.pieceBytes)
	if c == nil {
		return nil, nil
	}
	text := make([]byte, 0, len(data)-(c.end-c.start))
	text = append(append(text, data[:c.start]...), data[c.end:]...)
	if tooDense(text) {
		return nil, nil
	}
	docs, err := decode(text)
	if err != nil || len(docs) != 1 || len(docs[0].Content) != 1 {
		return nil, nil
	}
	if doc := docs[0].Content[0]; c.fits(doc) {
		return doc, c
	}
	return nil, nil
}

// otherBreaks finds line breaks of YAML that are no LF or CRLF: lines are counted by these.
func otherBreaks(data []byte) bool {
	return bytes.Contains(data, []byte("\u0085")) ||
		bytes.Contains(data, []byte("\u2028")) ||
		bytes.Contains(data, []byte("\u2029")) ||
		bytes.Count(data, []byte("\r")) != bytes.Count(data, []byte("\r\n"))
}

// findList finds "apps:" in a line of its own and cuts what belongs to it.
func findList(data []byte, size int) *cut {
	at := 0
	if !bytes.HasPrefix(data, []byte("apps:")) {
		if at = bytes.Index(data, []byte("\napps:")) + 1; at == 0 {
			return nil
		}
	}
	end := bytes.IndexByte(data[at:], '\n')
	if end < 0 || !blank(data[at+len("apps:"):at+end]) {
		return nil
	}
	c := &cut{data: data, start: at + end + 1, line: bytes.Count(data[:at], []byte("\n")) + 1}
	if !c.split(size) {
		return nil
	}
	return c
}

// split goes through the lines of the list up to the first that is not indented.
func (c *cut) split(size int) bool {
	indent := -1
	p := piece{start: c.start, line: c.line}
	for c.end = c.start; c.end < len(c.data); {
		line := c.data[c.end:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		text := bytes.TrimLeft(line, " ")
		if !blank(text) {
			depth := len(line) - len(text)
			entry := text[0] == '-' && (len(text) == 1 || text[1] == ' ' || text[1] == '\n' || text[1] == '\r')
			switch {
			case indent < 0 && !entry:
				return false
			case indent < 0 || entry && depth == indent:
				indent = depth
				if p.entries > 0 && c.end-p.start >= size {
					p.end = c.end
					c.pieces = append(c.pieces, p)
					p = piece{start: c.end, line: c.line + c.lines}
				}
				p.entries++
			case depth == 0:
				return c.last(p)
			}
		}
		c.end += len(line)
		c.lines++
	}
	return c.last(p)
}

func (c *cut) last(p piece) bool {
	p.end = c.end
	c.pieces = append(c.pieces, p)
	return p.entries > 0
}

// blank reports a line, or the rest of one, without content.
func blank(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) == 0 || text[0] == '#'
}

// fits holds the skeleton to what the cut assumed: apps is a key of the file's mapping, it
// is there once, in the line where it was found, and nothing is left of its value. A file of
// another version is not for pieces either.
func (c *cut) fits(doc *yaml.Node) bool {
	if doc.Kind != yaml.MappingNode || doc.Style&yaml.FlowStyle != 0 {
		return false
	}
	if v := versionOf(doc); v != nil && v.Value != "1" {
		return false
	}
	found := false
	for i := 0; i+1 < len(doc.Content); i += 2 {
		k, v := doc.Content[i], doc.Content[i+1]
		if isMerge(k) {
			return false
		}
		if k.Value != "apps" {
			continue
		}
		if k.Line != c.line || k.Column != 1 || v.Kind != yaml.ScalarNode ||
			v.Value != "" || v.Style != 0 || v.Anchor != "" || v.Tag != "!!null" {
			return false
		}
		found = true
	}
	return found
}

// inPieces reads the apps of a list piece by piece. When one cannot be read it takes back
// what came of the others and returns the piece and the reason.
func (l *loader) inPieces(c *cut) (piece, error) {
	entries := 0
	for _, p := range c.pieces {
		entries += p.entries
	}
	l.hasApps = true
	l.grow(entries)
	before := l.mark()
	defer func() { l.offset = 0 }()
	for _, p := range c.pieces {
		l.offset = p.line
		read, done := l.simpleEntries(c.data[p.start:p.end])
		if !done {
			apps, err := p.read(c.data)
			if err != nil {
				l.reset(before)
				return p, err
			}
			l.entries(apps[min(read, len(apps)):])
		}
		if l.spent {
			break
		}
	}
	return piece{}, nil
}

// errCut says that a piece is not the list that the cut took it for.
var errCut = errors.New("the list cannot be cut here")

// read gives the entries of a piece.
func (p piece) read(data []byte) ([]*yaml.Node, error) {
	text := data[p.start:p.end]
	if tooDense(text) {
		return nil, errCut
	}
	docs, err := decode(text)
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 || len(docs[0].Content) != 1 {
		return nil, errCut
	}
	list := docs[0].Content[0]
	if list.Kind != yaml.SequenceNode || list.Style != 0 || list.Tag != "!!seq" || list.Anchor != "" {
		return nil, errCut
	}
	return list.Content, nil
}

// mark is how far a load has come.
type mark struct {
	apps   int
	budget int64
	spent  bool
	errs   collector
}

func (l *loader) mark() mark {
	errs := l.errs
	errs.seen = maps.Clone(errs.seen)
	return mark{len(l.apps), l.budget, l.spent, errs}
}

func (l *loader) reset(m mark) {
	for i := m.apps; i < len(l.apps); i++ {
		a := &l.apps[i]
		if l.ids[a.ID] == int32(i) {
			delete(l.ids, a.ID)
		}
		if l.packages[a.AndroidPackage] == int32(i) {
			delete(l.packages, a.AndroidPackage)
		}
	}
	clear(l.apps[m.apps:])
	l.apps, l.flags = l.apps[:m.apps], l.flags[:m.apps]
	l.budget, l.spent, l.errs = m.budget, m.spent, m.errs
	l.errs.list = l.errs.list[:len(m.errs.list):len(m.errs.list)]
}
