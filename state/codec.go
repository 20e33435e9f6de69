package state

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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
	doc, err := json.Marshal(written, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("write the state: %w", err)
	}
	doc = append(doc, '\n')
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
	reason := ""
	switch {
	case err != nil:
		reason = JSONReason(err)
	case !intact:
		reason = "the checksum does not match: the file was changed by hand or by a fault"
	case s.Version != Version:
		reason = fmt.Sprintf("its format version is %d", s.Version)
	case s.Apps == nil:
		reason = `missing field "apps"`
	}
	if reason != "" {
		return nil, &DamagedError{Document: docState, Reason: reason}
	}
	s.makeMaps()
	return &s, nil
}

// JSONReason says why and where a document cannot be decoded. Unlike the error's own text it does not
// quote the document. That may be a secret, even where a name is expected.
func JSONReason(err error) string {
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if e.Err == jsontext.ErrDuplicateName {
			return located("duplicate field", e.JSONPointer.Parent(), e.ByteOffset)
		}
		reason := e.Err.Error()
		for _, quote := range []string{" `", ` "`} {
			reason, _, _ = strings.Cut(reason, quote)
		}
		return located(reason, "", e.ByteOffset)
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		if e.Err == json.ErrUnknownName {
			return located("unknown field", e.JSONPointer.Parent(), e.ByteOffset)
		}
		return located("invalid value", e.JSONPointer, e.ByteOffset)
	}
	return err.Error()
}

// located adds to a reason where that is. It shortens the names of a long path.
func located(reason string, within jsontext.Pointer, offset int64) string {
	if within != "" {
		reason += fmt.Sprintf(" in %.80q", within)
	}
	return fmt.Sprintf("%s at byte %d", reason, offset)
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
// nothing else vouches for what it reads: unknown and missing fields, and nulls, are refused. A byte
// that is not UTF-8 becomes U+FFFD, which a person sees in the difference to the backup.
func parseEdited(data []byte) (*State, error) {
	type document struct {
		State
		Checksum string `json:"checksum"`
	}
	noNull := json.UnmarshalFromFunc(func(dec *jsontext.Decoder, _ any) error {
		if dec.PeekKind() == jsontext.KindNull {
			return errors.New("null")
		}
		return errors.ErrUnsupported // it is decoded as always
	})
	var doc document
	err := json.Unmarshal(data, &doc, json.RejectUnknownMembers(true), json.WithUnmarshalers(noNull), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, errors.New(JSONReason(err))
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
	if err := doc.writable(); err != nil {
		return nil, err
	}
	return &doc.State, nil
}
