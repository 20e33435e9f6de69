package manifest

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"sync"

	"gopkg.in/yaml.v3"
)

// The list of apps is most of a long file, and its entries are independent of each other, so
// they are decoded in pieces: side by side, and with the nodes of a few pieces in memory at a
// time.
//
// The list is cut before lines that begin with "- " as far to the right as the first entry does.
// A parser that is outside of quotes and brackets has closed every deeper block there. Inside of
// them, the piece before the cut has an open quote or bracket and cannot be decoded. So if all
// pieces and the rest of the file can be decoded, they have the same content as the whole. If
// not, for instance because of an alias of another piece, the file is decoded as a whole.

// pieceBytes is how long a piece is at least, in bytes.
const pieceBytes = 256 << 10

// errNoPiece says that a piece is not a list of apps by itself.
var errNoPiece = errors.New("the list cannot be cut here")

// piece is a part of a text.
type piece struct {
	text    []byte
	line    int // lines before it
	entries int // of the list
}

// splitApps cuts the list of apps out of the text of a file, if "apps:" is in a line of its own
// with the list below it. It returns the root node of the rest, in which the list is empty, and
// the list in pieces. Both are nil if the text is short, or cannot be split.
func splitApps(text []byte, size int) (root *yaml.Node, pieces []piece) {
	if len(text) <= size || otherBreaks(text) {
		return nil, nil
	}
	start := 0
	if !bytes.HasPrefix(text, []byte("apps:")) {
		if start = bytes.Index(text, []byte("\napps:")) + 1; start == 0 {
			return nil, nil
		}
	}
	key, list, _ := bytes.Cut(text[start:], []byte("\n"))
	if !blank(key[len("apps:"):]) {
		return nil, nil
	}
	before := text[:len(text)-len(list)]
	appsLine := bytes.Count(before, []byte("\n")) // of "apps:", from 1
	pieces, after := cutList(list, size, appsLine)
	if pieces == nil {
		return nil, nil
	}
	if bytes.Contains(list, []byte("&")) && bytes.Contains(after, []byte("*")) {
		return nil, nil // an anchor of the list, perhaps one that was there before, may be meant after it
	}
	// Empty lines after the empty list keep the line numbers.
	lines := bytes.Count(list[:len(list)-len(after)], []byte("\n"))
	root = decodeRest(slices.Concat(before, []byte(emptyList), bytes.Repeat([]byte("\n"), lines), after), appsLine)
	if root == nil {
		return nil, nil
	}
	return root, pieces
}

// otherBreaks finds the line breaks of YAML besides LF. They count as lines for yaml.v3, but not
// for cutList.
func otherBreaks(data []byte) bool { return bytes.ContainsAny(data, "\r\u0085\u2028\u2029") }

// cutList cuts the list that the text begins with into pieces. The list ends at the first line
// that is neither indented nor an entry. line is how many lines are before the text.
func cutList(text []byte, size, line int) (pieces []piece, after []byte) {
	p := piece{line: line}
	start, end := 0, 0
	indent := -1 // of the entries; -1 before the first
scan:
	for ; end < len(text); line++ {
		next := text[end:]
		if i := bytes.IndexByte(next, '\n'); i >= 0 {
			next = next[:i+1]
		}
		content := bytes.TrimLeft(next, " ")
		depth := len(next) - len(content)
		switch {
		case blank(content):
		case isEntry(content) && (indent < 0 || depth == indent):
			if indent >= 0 && end-start >= size {
				p.text = text[start:end]
				pieces = append(pieces, p)
				p, start = piece{line: line}, end
			}
			indent = depth
			p.entries++
		case depth == 0 || indent < 0:
			break scan
		}
		end += len(next)
	}
	if p.entries == 0 {
		return nil, text
	}
	p.text = text[start:end]
	return append(pieces, p), text[end:]
}

func isEntry(content []byte) bool {
	return content[0] == '-' && (len(content) == 1 || bytes.IndexByte([]byte(" \n"), content[1]) >= 0)
}

// blank reports whether a line, or the rest of one, has nothing but a comment.
func blank(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\n")
	return len(text) == 0 || text[0] == '#'
}

// emptyList stands for the list of apps in the rest of a file, in the line below "apps:".
const emptyList = " []"

// decodeRest decodes a file with an empty list of apps and returns the root node; nil if the list
// is not what it seems. The value of apps must be the empty list itself, which is in the line below
// appsLine. A file of another version is not read in pieces either.
func decodeRest(text []byte, appsLine int) *yaml.Node {
	docs, err := decodeBounded(text)
	if err != nil || len(docs) != 1 || len(docs[0].Content) != 1 {
		return nil
	}
	root := docs[0].Content[0]
	if root.Style&yaml.FlowStyle != 0 || valueOf(root, "<<") != nil {
		return nil
	}
	if v := valueOf(root, "version"); v != nil && v.Value != "1" {
		return nil
	}
	if apps := valueOf(root, "apps"); apps == nil || apps.Line != appsLine+1 {
		return nil
	}
	return root
}

// appsInPieces reads the apps of a list. If a piece cannot be decoded, it takes back what it read
// and returns that piece.
func (r *reader) appsInPieces(pieces []piece) (failed *tree) {
	l := r.loader
	before, apps := *l, len(l.manifest.Apps)
	entries := 0
	for _, p := range pieces {
		entries += p.entries
	}
	l.grow(entries)
	defer func() { r.line = 0 }()
	for few := range slices.Chunk(pieces, 2*runtime.GOMAXPROCS(0)) {
		for _, t := range decodeSideBySide(few) {
			if t.err != nil {
				*l = before
				l.manifest.Apps = l.manifest.Apps[:apps]
				return &t
			}
			r.line = t.line
			for _, n := range t.apps {
				r.app(n)
			}
		}
		if l.stopped {
			break
		}
	}
	return nil
}

// tree is a piece after decoding.
type tree struct {
	piece
	apps []*yaml.Node
	err  error
}

// decodeSideBySide decodes pieces, each in a goroutine.
func decodeSideBySide(pieces []piece) []tree {
	trees := make([]tree, len(pieces))
	var group sync.WaitGroup
	for i, p := range pieces {
		group.Go(func() { trees[i] = p.decode() })
	}
	group.Wait()
	return trees
}

// decode decodes a piece, which must be a list by itself.
func (p piece) decode() tree {
	docs, err := decodeBounded(p.text)
	switch {
	case err == errDense:
		return tree{piece: p, err: errNoPiece}
	case err != nil:
		return tree{piece: p, err: err}
	case len(docs) != 1 || len(docs[0].Content) != 1:
		return tree{piece: p, err: errNoPiece}
	}
	list := docs[0].Content[0]
	if list.Kind != yaml.SequenceNode || list.Style != 0 || list.Tag != "!!seq" || list.Anchor != "" {
		return tree{piece: p, err: errNoPiece}
	}
	return tree{piece: p, apps: list.Content}
}
