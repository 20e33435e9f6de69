package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxSize caps what is read as a state or a journal, in bytes. A state of 100,000 apps with
// two certificates each has 90 MB.
const maxSize = 1 << 30

// Marshal returns the state's document: JSON, fields in a fixed order, ids sorted, indented
// by two spaces, with a newline at the end. Empty fields are left out where they may be.
// Times are RFC 3339 in UTC and cut to the second.
//
// The checksum is SHA-256, in lower case hex, of the document without the one line that
// begins with two spaces and "checksum". So anybody can verify a state:
//
//	grep -v '^  "checksum": ' jpsync.state.json | sha256sum
//
// It is an error when the state holds what could not be read back: text that is not UTF-8, a
// pending request that is neither a create nor a delete, a negative serial, a time outside
// the years 0 to 9999.
func Marshal(s *State) ([]byte, error) {
	written, err := s.asWritten()
	if err != nil {
		return nil, fmt.Errorf("write the state: %w", err)
	}
	var buf bytes.Buffer
	buf.Grow(1024 + 1024*len(s.Apps))
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(written); err != nil {
		return nil, fmt.Errorf("write the state: %w", err)
	}
	doc := buf.Bytes()
	_, end, _ := findLine(doc, accountStart)
	return slices.Insert(doc, end, checksumLine(doc)...), nil
}

// Unmarshal reads what [Marshal] wrote. Every byte is covered by the checksum.
//
// It returns a [*DamagedError], which is an [ErrDamaged], or an [ErrNewerVersion]. An
// empty document is damaged: where there is no file there is nothing to unmarshal.
// The maps of the result are never nil.
func Unmarshal(data []byte) (*State, error) {
	var s State
	intact := intact(data)
	err := json.Unmarshal(data, &s)
	if s.Version > Version {
		return nil, newerVersion(docState, s.Version)
	}
	switch {
	case err != nil:
		return nil, damagedState(err)
	case !intact:
		return nil, damagedState(errors.New("the checksum does not match: the file was changed by hand or by a fault"))
	case s.Version != Version:
		return nil, damagedState(fmt.Errorf("its format version is %d", s.Version))
	}
	s.makeMaps()
	return &s, nil
}

// damagedState says why a document is not a state, and where when encoding/json knows it.
func damagedState(err error) error {
	damaged := &DamagedError{Document: docState, Reason: err.Error()}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		damaged.Offset = syntax.Offset
	}
	return damaged
}

// The beginnings of the line that holds the checksum, and of the one before it. At this
// indentation there are only the document's own fields, so no app can bring such a line along.
const (
	checksumStart = `  "checksum": "`
	accountStart  = `  "account": "`
)

// findLine returns where the first line that begins so starts and ends, newline included.
func findLine(doc []byte, begin string) (start, end int, ok bool) {
	start = bytes.Index(doc, []byte("\n"+begin)) + 1
	if start == 0 {
		return 0, 0, false
	}
	length := bytes.IndexByte(doc[start:], '\n')
	return start, start + length + 1, length >= 0
}

// checksumLine returns the line for a document that consists of these parts without it.
func checksumLine(parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	return fmt.Appendf(nil, "%ssha256:%x\",\n", checksumStart, h.Sum(nil))
}

// intact reports whether a document is as it was written.
func intact(doc []byte) bool {
	start, end, ok := findLine(doc, checksumStart)
	return ok && bytes.Equal(doc[start:end], checksumLine(doc[:start], doc[end:]))
}

// parseEdited reads a document whose checksum does not match, for repair. It is strict, since
// nothing else vouches for what it reads: unknown, repeated and missing fields are refused.
func parseEdited(data []byte) (*State, error) {
	if err := checkFields(json.NewDecoder(bytes.NewReader(data)), ""); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	type document struct {
		State
		Checksum string `json:"checksum"`
	}
	var doc document
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the end")
	}
	switch {
	case doc.Version != Version:
		return nil, fmt.Errorf("its format version is %d", doc.Version)
	case doc.Lineage == "":
		return nil, errors.New(`missing field "lineage"`)
	case doc.Apps == nil:
		return nil, errors.New(`missing field "apps"`)
	}
	for id, a := range doc.Apps {
		if a.AppKey == "" || a.AppName == "" || a.AndroidPackage == "" {
			return nil, fmt.Errorf(`app %q has no "app_key", "app_name" or "android_package"`, id)
		}
	}
	doc.makeMaps()
	_, err := doc.asWritten()
	return &doc.State, err
}

// checkFields reads one JSON value and refuses an object that has a field twice: encoding/json
// would take the last one silently.
func checkFields(dec *json.Decoder, field string) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		if token == nil {
			return fmt.Errorf("field %q is null", field)
		}
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		name := field
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			name = key.(string) // the decoder accepts nothing else as a key
			if seen[name] {
				return fmt.Errorf("duplicate field %.40q", name)
			}
			seen[name] = true
		}
		if err := checkFields(dec, name); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}
