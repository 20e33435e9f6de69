package manifest

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parse makes a file's only document a tree of nodes, or reports why it is none.
func (l *loader) parse(data []byte) *yaml.Node {
	if problem := encoding(data); problem != "" {
		l.errs.add(Position{l.file, 1, 1}, problem)
		return nil
	}
	docs, err := decode(data)
	if err != nil {
		at, message := explain(err, data)
		at.File = l.file
		l.errs.add(at, message)
		return nil
	}
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

// encoding refuses what is not UTF-8. A byte order mark of UTF-8 is fine.
func encoding(data []byte) string {
	if len(data) >= 2 && (data[0] == 0xFE && data[1] == 0xFF || data[0] == 0xFF && data[1] == 0xFE || data[0] == 0 || data[1] == 0) {
		return "the file is UTF-16 or binary, save it as UTF-8"
	}
	return ""
}

// errPanic stands for a panic of the YAML package. What it said is not kept: it may quote
// the text.
var errPanic = errors.New("the YAML package gave up")

// decode reads at most two documents, the second one to tell that there is one.
func decode(data []byte) (docs []*yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			docs, err = nil, errPanic
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
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

// explain turns an error of the YAML package into a place and a message of ours. Its own
// text is only looked at, never passed on: some of it quotes the first characters of a
// value, which may be a secret.
func explain(err error, data []byte) (Position, string) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, problem, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				line, text = n, problem
			}
		}
	}
	for _, p := range problems {
		if !strings.HasPrefix(text, p.begins) {
			continue
		}
		switch p.place {
		case placeParser:
			line++
		case placeBytes:
			return badByte(data)
		case placeAlias:
			return unknownAlias(data, text)
		case placeToken:
			at := lineStart(data, line)
			return at, badToken(data, at)
		}
		return lineStart(data, line), p.message
	}
	return lineStart(data, line), "not valid YAML"
}

// place says how to find the spot of a problem.
type place int

const (
	placeScanner place = iota // the line is right
	placeParser               // the line is counted from zero
	placeToken                // look at what begins the line
	placeBytes                // no line: look for the bytes
	placeAlias                // no line: look for the name
)

// problems are the YAML package's problems by the beginning of their text, the first match
// counts.
var problems = []struct {
	begins  string
	place   place
	message string
}{
	{"unknown anchor", placeAlias, ""},
	{"control characters are not allowed", placeBytes, ""},
	{"invalid ", placeBytes, ""},
	{"incomplete UTF-8", placeBytes, ""},
	{"found character that cannot start any token", placeToken, ""},
}

// lineStart is the place of the first character of a line that is not a space.
func lineStart(data []byte, line int) Position {
	text := lineOf(data, line)
	column := 1
	for column <= len(text) && (text[column-1] == ' ' || text[column-1] == '\t') {
		column++
	}
	return Position{Line: max(line, 1), Column: column}
}

// lineOf is the text of a line without its end; lines count from one.
func lineOf(data []byte, line int) []byte {
	for ; line > 1; line-- {
		_, rest, ok := bytes.Cut(data, []byte("\n"))
		if !ok {
			return nil
		}
		data = rest
	}
	text, _, _ := bytes.Cut(data, []byte("\n"))
	return text
}

// badToken tells a tab from a character that YAML keeps for itself.
func badToken(data []byte, at Position) string {
	return "a value cannot begin like this, put it in quotes"
}

func badByte(data []byte) (Position, string) { return Position{Line: 1, Column: 1}, "not UTF-8" }

func unknownAlias(data []byte, text string) (Position, string) {
	_ = utf8.RuneError
	return Position{Line: 1, Column: 1}, "an alias (*) refers to an anchor (&) that is not there"
}
