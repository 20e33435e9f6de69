package manifest

import (
	"bytes"
	"errors"
	"io"

	"gopkg.in/yaml.v3"
)

// plainText drops a byte order mark, and ends lines with LF.
func plainText(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if !bytes.Contains(data, []byte("\r\n")) {
		return data // most are, and some are large
	}
	return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
}

// parse decodes the text of a file as a whole and returns its root node; nil if there is an
// error, which it reports. failed is the piece that could not be decoded by itself, if there is
// one.
func (r *reader) parse(text []byte, failed *tree) *yaml.Node {
	problem := looksLike(text)
	if problem == "" && notUTF8(text) {
		problem = "the file is UTF-16 or binary, save it as UTF-8"
	}
	if problem != "" {
		r.loader.errs.add(Position{r.name, 1, 1}, "%s", problem)
		return nil
	}
	docs, err := decodeBounded(text)
	switch {
	case err == nil:
		return r.onlyRoot(docs)
	case failed != nil && failed.err != errNoPiece && len(text) > maxSearch:
		// The line of an error is found exactly in a short text only, such as a piece.
		r.syntaxError(failed.piece, failed.err)
	default:
		r.syntaxError(piece{text: text}, err)
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
		r.loader.errs.add(Position{r.name, 1, 1}, `the file is empty, a manifest begins with "version: 1"`)
		return nil
	}
	if len(docs) > 1 {
		r.errorf(docs[1], "a second document begins here, a file has one: use several files, and a directory or include")
		return nil
	}
	return docs[0].Content[0]
}

// The limits of a text that is decoded at once. It has at most maxTokens characters that begin a
// node, because two bytes of text can become a yaml.Node of some 200 bytes. It has at most
// wholeBytes, because even a single long node takes several times its length. A list of apps may
// have any length: it is decoded in pieces.
const (
	wholeBytes = 64 << 20
	maxTokens  = 2_000_000
)

var (
	// errPanic stands for a panic of yaml.v3. Its text is not kept: it may quote the manifest.
	errPanic = errors.New("the YAML decoder panicked")
	errDense = errors.New("the text may have too many nodes")
	errTags  = errors.New("the text has a %TAG directive")
)

// tagDirective begins a line that gives tags another meaning. No manifest needs one, and yaml.v3 takes
// quadratic time for many of them.
const tagDirective = "%TAG"

// decodeBounded is decode for texts that cannot become too many nodes.
func decodeBounded(data []byte) ([]*yaml.Node, error) {
	tokens := 0
	for _, c := range data {
		switch c {
		case ',', ':', '[', '{', '-', '?': // each begins two nodes at most, a key and a value
			tokens++
		}
	}
	if len(data) > wholeBytes || tokens > maxTokens {
		return nil, errDense
	}
	if bytes.HasPrefix(data, []byte(tagDirective)) || bytes.Contains(data, []byte("\n"+tagDirective)) {
		return nil, errTags
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
