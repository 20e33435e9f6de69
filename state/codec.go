package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxSize caps what is read as a state or a journal, in bytes. A state of 100,000 apps with
// two certificates each has 90 MB.
const maxSize = 1 << 30

// document is a [State] as it is written. Its fields are in the order of the file.
type document struct {
	Version  int               `json:"version"`
	Lineage  string            `json:"lineage"`
	Serial   int64             `json:"serial"`
	Endpoint string            `json:"endpoint"`
	Account  string            `json:"account"`
	Checksum string            `json:"checksum"`
	Journal  string            `json:"journal,omitempty"`
	MovedTo  string            `json:"moved_to,omitempty"`
	Apps     map[string]App    `json:"apps"`
	Pending  map[string]Intent `json:"pending,omitempty"`
}

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
	doc, err := s.document()
	if err != nil {
		return nil, fmt.Errorf("write the state: %w", err)
	}
	var buf bytes.Buffer
	buf.Grow(1024 + 1024*len(s.Apps))
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("write the state: %w", err)
	}
	data := buf.Bytes()
	start, end, _ := checksumLine(data)
	copy(data[start:end], checksum(data, start, end))
	return data, nil
}

// document checks the state and returns what is written of it, without the checksum.
func (s *State) document() (*document, error) {
	if s.Version != 0 && s.Version != Version {
		return nil, fmt.Errorf("it has format version %d, and this jpsync writes %d", s.Version, Version)
	}
	if s.Serial < 0 {
		return nil, fmt.Errorf("serial %d is negative", s.Serial)
	}
	if err := checkText(s.Lineage, s.Endpoint, s.Account, s.Journal, s.MovedTo); err != nil {
		return nil, err
	}
	doc := &document{Version: Version, Lineage: s.Lineage, Serial: s.Serial, Endpoint: s.Endpoint, Account: s.Account,
		Checksum: fmt.Sprintf("sha256:%x", [sha256.Size]byte{}), Journal: s.Journal, MovedTo: s.MovedTo,
		Apps: make(map[string]App, len(s.Apps)), Pending: make(map[string]Intent, len(s.Pending))}
	for id, a := range s.Apps {
		if err := a.check(id); err != nil {
			return nil, fmt.Errorf("app %q: %w", id, err)
		}
		doc.Apps[id] = a.asWritten()
	}
	for id, in := range s.Pending {
		if err := in.check(id); err != nil {
			return nil, fmt.Errorf("pending request of app %q: %w", id, err)
		}
		doc.Pending[id] = in.asWritten()
	}
	return doc, nil
}

// Unmarshal reads what [Marshal] wrote. Every byte is covered by the checksum.
//
// It returns a [*DamagedError], which is an [ErrDamaged], or an [ErrNewerVersion]. No
// bytes at all are damaged too: where there is no file there is nothing to unmarshal.
// The maps of the result are never nil.
func Unmarshal(data []byte) (*State, error) {
	var doc document
	intact := intact(data)
	err := json.Unmarshal(data, &doc)
	if doc.Version > Version {
		return nil, newerVersion(docState, doc.Version)
	}
	switch {
	case err != nil:
		return nil, damagedState(err)
	case !intact:
		return nil, damagedState(errors.New("the checksum does not match: the file was changed by hand or by a fault"))
	case doc.Version != Version:
		return nil, damagedState(fmt.Errorf("its format version is %d", doc.Version))
	}
	return doc.state(), nil
}

func (d *document) state() *State {
	s := &State{Version: d.Version, Lineage: d.Lineage, Serial: d.Serial, Endpoint: d.Endpoint, Account: d.Account,
		Journal: d.Journal, MovedTo: d.MovedTo, Apps: d.Apps, Pending: d.Pending}
	if s.Apps == nil {
		s.Apps = map[string]App{}
	}
	if s.Pending == nil {
		s.Pending = map[string]Intent{}
	}
	return s
}

// damagedState says why a document is not a state, and where when encoding/json knows it.
func damagedState(err error) error {
	damaged := &DamagedError{Document: docState, Reason: err.Error()}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		damaged.Offset = syntax.Offset
	}
	return damaged
}

// checksumStart begins the line that holds the checksum. At this indentation there are
// only the document's own fields, so no app can bring such a line along.
const checksumStart = "\n  \"checksum\": \""

// checksumLine returns where the line with the checksum starts and ends, newline included.
func checksumLine(doc []byte) (start, end int, ok bool) {
	start = bytes.Index(doc, []byte(checksumStart)) + 1
	if start == 0 {
		return 0, 0, false
	}
	length := bytes.IndexByte(doc[start:], '\n')
	return start, start + length + 1, length >= 0
}

// checksum returns the line that belongs from start to end.
func checksum(doc []byte, start, end int) string {
	h := sha256.New()
	h.Write(doc[:start])
	h.Write(doc[end:])
	return fmt.Sprintf("%ssha256:%x\",\n", checksumStart[1:], h.Sum(nil))
}

// intact reports whether a document is as it was written.
func intact(doc []byte) bool {
	start, end, ok := checksumLine(doc)
	return ok && string(doc[start:end]) == checksum(doc, start, end)
}

// parseEdited reads a document whose checksum does not match, for repair. It is strict, since
// nothing else vouches for what it reads: unknown, repeated and missing fields are refused.
func parseEdited(data []byte) (*State, error) {
	if err := checkFields(json.NewDecoder(bytes.NewReader(data)), ""); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
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
	s := doc.state()
	_, err := s.document()
	return s, err
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
