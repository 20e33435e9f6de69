package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// maxRecord caps one line of a journal, in bytes. An answer of the server has at most one
// MiB, and JSON may make six bytes of one.
const maxRecord = 8 << 20

// header is a journal's first record: what the journal continues.
type header struct {
	ID       string // UUID, of this journal
	Version  int
	Lineage  string
	Serial   int64 // of the state before
	Endpoint string
	Account  string
}

// entry is a later record: an intent, or a result. An intent comes in two records: before
// the request it is made durable, and when the request goes out, sent is written. Only what
// was sent may have had an effect.
type entry struct {
	id     string
	intent *Intent
	sent   bool
	result *Result
}

// The last field of each record chains it to the one before: SHA-256, in lower case hex,
// over the sum of the record before (64 digits, none for the first) and the line up to the
// comma before "sum". So a record that was changed, dropped, repeated or moved breaks every
// one after it.
const sumStart = `,"sum":"`

const sumLen = len(sumStart) + sha256.Size*2 + len(`"}`)

// seal ends the line of the record that begins at start.
func seal(lines []byte, start int, previous string) (sealed []byte, sum string) {
	sum = chain(previous, lines[start:])
	lines = append(lines, sumStart...)
	lines = append(lines, sum...)
	return append(lines, "\"}\n"...), sum
}

func chain(previous string, body []byte) string {
	text := make([]byte, 0, 1024) // most records fit, and then it takes no memory
	sum := sha256.Sum256(append(append(text, previous...), body...))
	return string(hex.AppendEncode(text, sum[:]))
}

// unseal takes a line without its newline and returns the JSON object without the sum.
func unseal(line []byte, previous string) (body, sum string, ok bool) {
	if len(line) < sumLen {
		return "", "", false
	}
	cut := len(line) - sumLen
	sum = chain(previous, line[:cut])
	if string(line[cut:]) != sumStart+sum+`"}` {
		return "", "", false
	}
	return string(line[:cut]) + "}", sum, true
}

// encodeHeader returns the first record's line.
func encodeHeader(h header) (line []byte, sum string, err error) {
	e := &encoder{}
	e.open()
	e.int("seq", 0)
	e.text("journal", h.ID)
	e.int("version", Version)
	e.text("lineage", h.Lineage)
	e.int("serial", h.Serial)
	e.text("endpoint", h.Endpoint)
	e.text("account", h.Account)
	if e.err != nil {
		return nil, "", fmt.Errorf("write the journal's header: %w", e.err)
	}
	line, sum = seal(e.buf, 0, "")
	return line, sum, nil
}

// appendEntry appends the line of record number seq to lines. synced is how many records,
// the header included, were durable when it was written.
func appendEntry(lines []byte, en entry, seq, synced int64, previous string) (longer []byte, sum string, err error) {
	start := len(lines)
	e := &encoder{within: en.id, buf: lines}
	e.open()
	e.int("seq", seq)
	e.int("synced", synced)
	if en.intent != nil {
		kind := "intent"
		if en.sent {
			kind = "sent"
		}
		e.key(kind)
		e.open()
		e.text("id", en.id)
		e.intent(en.intent)
		e.close()
	} else {
		e.key("result")
		e.open()
		e.text("id", en.id)
		e.text("op", string(en.result.Op))
		e.flag("failed", en.result.Failed)
		if en.result.App != nil {
			e.key("app")
			e.app(en.result.App)
		}
		e.close()
	}
	if e.err != nil {
		return nil, "", fmt.Errorf("write a record about %q to the journal: %w", en.id, e.err)
	}
	longer, sum = seal(e.buf, start, previous)
	if n := len(longer) - start; n > maxRecord {
		return nil, "", fmt.Errorf("write a record about %.80q to the journal: it has %d bytes, and %d is the limit", en.id, n, maxRecord)
	}
	return longer, sum, nil
}

// check refuses a result that says nothing, before anything is written.
func (r Result) check() error {
	switch r.Op {
	case OpCreate, OpUpload, OpRecord:
		if !r.Failed && r.App == nil {
			return fmt.Errorf("the result of a %s of %q has no record", r.Op, r.ID)
		}
	case OpDelete:
		if r.App != nil {
			return fmt.Errorf("the result of a delete of %q has a record", r.ID)
		}
	default:
		return fmt.Errorf("%q is no operation: the result is about %q", r.Op, r.ID)
	}
	if r.ID == "" {
		return errors.New("a result is about no id")
	}
	return nil
}

func (s *scanner) header() (h header) {
	var seen fields
	var seq int64
	s.object(func(key string) {
		switch key {
		case "seq":
			seen.once(s, 0, key)
			seq = s.int()
		case "journal":
			seen.once(s, 1, key)
			h.ID = s.string()
		case "version":
			seen.once(s, 2, key)
			h.Version = int(s.int())
		case "lineage":
			seen.once(s, 3, key)
			h.Lineage = s.string()
		case "serial":
			seen.once(s, 4, key)
			h.Serial = s.int()
		case "endpoint":
			seen.once(s, 5, key)
			h.Endpoint = s.string()
		case "account":
			seen.once(s, 6, key)
			h.Account = s.string()
		default:
			s.fail("%.40q is no field of a journal's header", key)
		}
	})
	seen.need(s, "seq", "journal", "version", "lineage", "serial", "endpoint", "account")
	if s.err == nil && (seq != 0 || h.ID == "" || h.Lineage == "") {
		s.fail("it is no journal's header")
	}
	s.end()
	return h
}

func (s *scanner) entry() (en entry, seq, synced int64) {
	var seen fields
	s.object(func(key string) {
		switch key {
		case "seq":
			seen.once(s, 0, key)
			seq = s.int()
		case "synced":
			seen.once(s, 1, key)
			synced = s.int()
		case "intent", "sent":
			seen.once(s, 2, key)
			var in Intent
			in, en.id = s.intent()
			en.intent, en.sent = &in, key == "sent"
		case "result":
			seen.once(s, 3, key)
			r := s.result()
			en.id, en.result = r.ID, &r
		default:
			s.fail("%.40q is no field of a journal's record", key)
		}
	})
	seen.need(s, "seq", "synced")
	if s.err == nil && (en.intent == nil) == (en.result == nil) {
		s.fail("it holds neither an intent nor a result, or both")
	}
	if s.err == nil && en.id == "" {
		s.fail("it is about no id")
	}
	s.end()
	return en, seq, synced
}

func (s *scanner) result() (r Result) {
	var seen fields
	s.object(func(key string) {
		switch key {
		case "id":
			seen.once(s, 0, key)
			r.ID = s.string()
		case "op":
			seen.once(s, 1, key)
			r.Op = Op(s.string())
		case "failed":
			seen.once(s, 2, key)
			r.Failed = s.bool()
		case "app":
			seen.once(s, 3, key)
			a := s.app()
			r.App = &a
		default:
			s.fail("%.40q is no field of a result", key)
		}
	})
	seen.need(s, "id", "op")
	if s.err == nil {
		if err := r.check(); err != nil {
			s.fail("%v", err)
		}
	}
	return r
}
