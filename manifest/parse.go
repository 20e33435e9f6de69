package manifest

import (
	"bytes"
	"errors"
	"io"

	"gopkg.in/yaml.v3"
)

// A node of the YAML package takes some 200 bytes, for as little as two bytes of text. The
// manifest of 100,000 apps is read in pieces, see pieces.go; what has to be read as a whole
// may be looseBytes long whatever it is, and beyond that have maxTokens marks of structure
// and wholeBytes, since a single long text takes several times its length as well.
const (
	looseBytes = 1 << 20
	wholeBytes = 64 << 20
	maxTokens  = 2_000_000
)

// content reads the text of a file; docs is nil unless the text was decoded already.
func (l *loader) content(data []byte, docs []*yaml.Node, included bool) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if notUTF8(data) {
		l.errs.add(Position{l.file, 1, 1}, "the file is UTF-16 or binary, save it as UTF-8")
		return
	}
	var doc *yaml.Node
	if docs != nil {
		doc = l.only(docs)
	} else {
		doc = l.apart(data)
	}
	if doc == nil {
		return
	}
	if included {
		l.includedFile(doc)
	} else {
		l.document(doc)
	}
	l.gapAfter, l.gap = 0, 0
}

// apart reads a file in pieces where that can be done, else as a whole, and returns its tree:
// without apps if these are read already, nil if it has none.
func (l *loader) apart(data []byte) *yaml.Node {
	doc, c := l.skeleton(data)
	if doc == nil {
		return l.parse(data)
	}
	p, err := l.inPieces(c)
	if err == nil {
		l.gapAfter, l.gap = c.line, c.lines
		return doc
	}
	if err != errCut && len(data) > maxSearch {
		// Where the problem is in a long file is better known from the piece, if it is
		// one of the file at all.
		if tooDense(data) || !readable(data) {
			at, message := explain(err, data[p.start:p.end])
			at.File, at.Line = l.file, at.Line+p.line
			l.errs.add(at, message)
			return nil
		}
	}
	return l.parse(data)
}

func readable(data []byte) bool {
	_, err := decode(data)
	return err == nil
}

// notUTF8 knows UTF-16 by its byte order marks, and by the zero in the first character.
func notUTF8(data []byte) bool {
	if len(data) < 2 {
		return false
	}
	a, b := data[0], data[1]
	return a == 0 || b == 0 || a == 0xFE && b == 0xFF || a == 0xFF && b == 0xFE
}

// parse makes a file's only document a tree of nodes, or reports why it is none.
func (l *loader) parse(data []byte) *yaml.Node {
	if tooDense(data) {
		l.errs.add(Position{l.file, 1, 1},
			`the file is too large to be read as a whole: write "apps:" in a line of its own and each app below it as a "- " entry, or use several files in a directory`)
		return nil
	}
	docs, err := decode(data)
	if err != nil {
		at, message := explain(err, data)
		at.File = l.file
		l.errs.add(at, message)
		return nil
	}
	return l.only(docs)
}

// only returns the tree of a file's documents, of which there must be one.
func (l *loader) only(docs []*yaml.Node) *yaml.Node {
	if len(docs) == 0 || len(docs[0].Content) == 0 {
		l.errs.add(Position{l.file, 1, 1}, `the file is empty, a manifest begins with "version: 1"`)
		return nil
	}
	if len(docs) > 1 {
		l.errorf(docs[1], "a second document begins here, a file has one: use several files, and a directory or include")
		return nil
	}
	return docs[0].Content[0]
}

// tooDense reports whether a text could become too many nodes. Each mark of structure begins
// at most two nodes, a key and a value.
func tooDense(data []byte) bool {
	if len(data) <= looseBytes {
		return false
	}
	if len(data) > wholeBytes {
		return true
	}
	tokens := 0
	for _, c := range data {
		switch c {
		case ',', ':', '[', '{', '-', '?':
			tokens++
		}
	}
	return tokens > maxTokens
}

// errPanic stands for a panic of the YAML package. What it said is not kept: it may quote
// the text.
var errPanic = errors.New("the YAML package gave up")

// decode reads at most two documents, the second one to tell that there is one.
func decode(data []byte) ([]*yaml.Node, error) { return decodeFrom(bytes.NewReader(data)) }

func decodeFrom(r io.Reader) (docs []*yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			docs, err = nil, errPanic
		}
	}()
	dec := yaml.NewDecoder(r)
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
