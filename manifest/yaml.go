package manifest

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"

	"gopkg.in/yaml.v3"
)

// A yaml.Node takes some 200 bytes, for as little as two bytes of text. A list of apps may have
// any length, as it is decoded in pieces. Any other text may have looseBytes, and beyond that
// wholeBytes and maxTokens characters that begin a node: a single long text takes several times
// its length too.
const (
	looseBytes = 1 << 20
	wholeBytes = 64 << 20
	maxTokens  = 2_000_000
)

// pieceBytes is how long a piece is at least, in bytes.
const pieceBytes = 256 << 10

var (
	// errPanic stands for a panic of yaml.v3. Its text is not kept: it may quote the manifest.
	errPanic = errors.New("the YAML decoder panicked")
	errDense = errors.New("the text may have too many nodes")
	// errNoPiece says that a piece is not a list of apps by itself.
	errNoPiece = errors.New("the list cannot be cut here")
)

// parse decodes the text of a file. It reads the apps itself if they can be read in pieces, and
// returns the tree of everything else; nil if there is an error, which it reports.
func (r *reader) parse(data []byte) *yaml.Node {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if notUTF8(data) {
		r.errs.add(Position{r.name, 1, 1}, "the file is UTF-16 or binary, save it as UTF-8")
		return nil
	}
	var bad piece
	var badErr error
	if list := findApps(data, r.pieceBytes); list != nil {
		if doc := list.rest(); doc != nil {
			if r.stateOnly {
				return doc
			}
			if bad, badErr = r.inPieces(list); badErr == nil {
				return doc
			}
		}
	}
	docs, err := decodeBounded(data)
	switch {
	case err == nil:
		return r.onlyRoot(docs)
	case badErr != nil && badErr != errNoPiece && len(data) > maxSearch:
		// In a short text the line of an error is found exactly.
		r.syntaxError(bad, badErr)
	default:
		r.syntaxError(piece{text: data}, err)
	}
	return nil
}

// notUTF8 recognizes UTF-16 by its byte order marks or by a zero in the first character.
func notUTF8(data []byte) bool {
	if len(data) < 2 {
		return false
	}
	a, b := data[0], data[1]
	return a == 0 || b == 0 || a == 0xFE && b == 0xFF || a == 0xFF && b == 0xFE
}

// onlyRoot returns the root node of the only document.
func (r *reader) onlyRoot(docs []*yaml.Node) *yaml.Node {
	if len(docs) == 0 || len(docs[0].Content) == 0 {
		r.errs.add(Position{r.name, 1, 1}, `the file is empty, a manifest begins with "version: 1"`)
		return nil
	}
	if len(docs) > 1 {
		r.errorf(docs[1], "a second document begins here, a file has one: use several files, and a directory or include")
		return nil
	}
	return docs[0].Content[0]
}

// decodeBounded is decode for texts that cannot become too many nodes.
func decodeBounded(data []byte) ([]*yaml.Node, error) {
	tokens := 0
	for _, c := range data {
		switch c {
		case ',', ':', '[', '{', '-', '?': // each begins two nodes at most, a key and a value
			tokens++
		}
	}
	if len(data) > looseBytes && (len(data) > wholeBytes || tokens > maxTokens) {
		return nil, errDense
	}
	return decode(bytes.NewReader(data))
}

// decode reads at most two documents: the second one shows that there are too many.
func decode(text io.Reader) (docs []*yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			docs, err = nil, errPanic
		}
	}()
	dec := yaml.NewDecoder(text)
	for len(docs) < 2 {
		doc := new(yaml.Node)
		if err := dec.Decode(doc); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// appList is the list of apps in the text of a file. The list is most of a long file, and its
// entries are independent of each other, so they are decoded in pieces: side by side, and with
// the nodes of a few pieces in memory at a time.
//
// The list is cut before lines that begin with "- " as far to the right as the first entry does.
// A parser that is outside of quotes and brackets has closed every deeper block there. Inside of
// them, the piece before the cut has an open quote or bracket and cannot be decoded. So if all
// pieces and the rest of the file can be decoded, they have the same content as the whole. If
// not, for instance because of an alias of another piece, the file is decoded as a whole.
type appList struct {
	before, after []byte // the text around the list
	line          int    // of "apps:", from 1
	lines         int    // that the list has
	entries       int
	pieces        []piece
}

// piece is a part of a text.
type piece struct {
	text []byte
	line int // lines before it
}

// findApps finds "apps:" in a line of its own and cuts the list below it. It returns nil if the
// text is short, or has no such list.
func findApps(data []byte, size int) *appList {
	if len(data) <= size || otherBreaks(data) {
		return nil
	}
	start := 0
	if !bytes.HasPrefix(data, []byte("apps:")) {
		if start = bytes.Index(data, []byte("\napps:")) + 1; start == 0 {
			return nil
		}
	}
	key, list, _ := bytes.Cut(data[start:], []byte("\n"))
	if !blank(key[len("apps:"):]) {
		return nil
	}
	l := &appList{before: data[:len(data)-len(list)], line: bytes.Count(data[:start], []byte("\n")) + 1}
	l.cut(list, size)
	if l.entries == 0 {
		return nil
	}
	return l
}

// otherBreaks finds the line breaks of YAML besides LF and CRLF. They count as lines for
// yaml.v3, but not for cut.
func otherBreaks(data []byte) bool {
	return bytes.ContainsAny(data, "\u0085\u2028\u2029") ||
		bytes.Count(data, []byte("\r")) != bytes.Count(data, []byte("\r\n"))
}

// cut cuts the list that the text begins with into pieces. The list ends at the first line that
// is neither indented nor an entry.
func (l *appList) cut(text []byte, size int) {
	start, end, indent := 0, 0, -1
	first := l.line // the lines before the piece
	for end < len(text) {
		line := text[end:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		content := bytes.TrimLeft(line, " ")
		depth := len(line) - len(content)
		switch {
		case blank(content):
		case isEntry(content) && (indent < 0 || depth == indent):
			if indent >= 0 && end-start >= size {
				l.pieces = append(l.pieces, piece{text[start:end], first})
				start, first = end, l.line+l.lines
			}
			indent = depth
			l.entries++
		case depth == 0 || indent < 0:
			l.pieces, l.after = append(l.pieces, piece{text[start:end], first}), text[end:]
			return
		}
		end += len(line)
		l.lines++
	}
	l.pieces = append(l.pieces, piece{text[start:], first})
}

func isEntry(content []byte) bool {
	return content[0] == '-' && (len(content) == 1 || bytes.IndexByte([]byte(" \n\r"), content[1]) >= 0)
}

// blank reports whether a line, or the rest of one, has nothing but a comment.
func blank(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) == 0 || text[0] == '#'
}

// rest decodes the file without the list; empty lines in its place keep the line numbers. It
// returns nil if the list is not what it seems: apps must be a key of the file's mapping, once,
// in the line where it was found, and without a value now. A file of another version is not read
// in pieces either.
func (l *appList) rest() *yaml.Node {
	docs, err := decodeBounded(slices.Concat(l.before, bytes.Repeat([]byte("\n"), l.lines), l.after))
	if err != nil || len(docs) != 1 || len(docs[0].Content) != 1 {
		return nil
	}
	doc := docs[0].Content[0]
	if doc.Kind != yaml.MappingNode || doc.Style&yaml.FlowStyle != 0 {
		return nil
	}
	if v := versionOf(doc); v != nil && v.Value != "1" {
		return nil
	}
	found := 0
	for i := 0; i+1 < len(doc.Content); i += 2 {
		k, v := doc.Content[i], doc.Content[i+1]
		if isMergeKey(k) {
			return nil
		}
		if k.Value != "apps" {
			continue
		}
		found++
		if k.Line != l.line || k.Column != 1 || !isNull(v) || v.Value != "" || v.Style != 0 || v.Anchor != "" {
			return nil
		}
	}
	if found != 1 {
		return nil
	}
	return doc
}

// inPieces reads the apps of a list. If a piece cannot be decoded, it takes back what it read
// and returns the piece with the error.
func (r *reader) inPieces(list *appList) (piece, error) {
	apps, budget, stopped, errs := len(r.manifest.Apps), r.budget, r.stopped, r.errs.clone()
	r.grow(list.entries)
	defer func() { r.line = 0 }()
	for pieces := range slices.Chunk(list.pieces, 2*runtime.GOMAXPROCS(0)) {
		for i, t := range decodeSideBySide(pieces) {
			if t.err != nil {
				r.manifest.Apps, r.notes = r.manifest.Apps[:apps], r.notes[:apps]
				r.budget, r.stopped, r.errs = budget, stopped, errs
				return pieces[i], t.err
			}
			r.line = pieces[i].line
			for _, n := range t.apps {
				r.app(n)
			}
		}
		if r.stopped {
			break
		}
	}
	r.pieces = true
	return piece{}, nil
}

// tree is a piece after decoding.
type tree struct {
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

func (p piece) decode() tree {
	docs, err := decodeBounded(p.text)
	if err == errDense {
		err = errNoPiece
	}
	if err != nil {
		return tree{err: err}
	}
	if len(docs) != 1 || len(docs[0].Content) != 1 {
		return tree{err: errNoPiece}
	}
	list := docs[0].Content[0]
	if list.Kind != yaml.SequenceNode || list.Style != 0 || list.Tag != "!!seq" || list.Anchor != "" {
		return tree{err: errNoPiece}
	}
	return tree{apps: list.Content}
}
