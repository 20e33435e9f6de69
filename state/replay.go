package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// replay is a journal that was read.
type replay struct {
	header  header
	entries []entry
	good    int64 // bytes that the header and the entries take
	torn    int64 // bytes after them that a crash left of records nobody waited for
}

// readJournal reads the journal at path. There is none when the replay is nil.
func readJournal(fsys FS, path string) (*replay, error) {
	data, err := readFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := parseJournal(data)
	if err != nil {
		return nil, at(err, path)
	}
	return r, nil
}

// parseJournal reads a journal's bytes. What a crash may leave at the end is forgiven, and
// is told in torn:
//
//   - the beginning of a record, without its newline, when the file ends there. A record
//     that lacks nothing but the newline counts as written;
//   - zero bytes where a power loss kept the file's length and lost its data. They have to
//     begin at a record's start or at a multiple of 512, the smallest unit a disk writes, and
//     to go on to such a multiple or to the end. What follows the zeros is lost with them, as
//     long as no record after them tells that one before had been synced: then a disk lost
//     data that was promised.
//
// Everything else is damage, and the replay that comes with the error has the records before
// it. A whole record is never forgiven: it was written, perhaps synced, perhaps reported.
func parseJournal(data []byte) (*replay, error) {
	r := &replay{}
	sum := ""
	for number := int64(0); r.good < int64(len(data)) || number == 0; number++ {
		rest := data[r.good:]
		end := bytes.IndexByte(rest, '\n')
		line, width := rest, int64(len(rest))
		if end >= 0 {
			line, width = rest[:end], int64(end)+1
		}
		body, next, ok := unseal(line, sum)
		if !ok {
			return r, r.ending(data, number, end >= 0)
		}
		sum = next
		if err := r.take(body, number); err != nil {
			return r, err
		}
		r.good += width
	}
	return r, nil
}

// take reads a record whose checksum holds: the file is as it was written, but that may
// have been by a newer jpsync.
func (r *replay) take(body string, number int64) error {
	s := &scanner{doc: body}
	if number == 0 {
		if v := journalVersion(body); v > Version {
			return &NewerVersionError{Document: docJournal, Version: v}
		}
		r.header = s.header()
	} else {
		en, seq, _ := s.entry()
		if seq != number {
			s.fail("it is numbered %d", seq)
		}
		r.entries = append(r.entries, en)
	}
	if s.err != nil {
		if number > 0 {
			r.entries = r.entries[:number-1]
		}
		return r.damaged(number, s.err.Error())
	}
	return nil
}

func (r *replay) damaged(number int64, reason string) error {
	return &DamagedError{Document: docJournal, Record: int(number) + 1, Offset: r.good, Reason: reason}
}

// journalVersion finds the version of a header that this package may not know otherwise.
func journalVersion(body string) (version int64) {
	s := &scanner{doc: body}
	s.object(func(key string) {
		switch key {
		case "seq":
			s.int()
		case "journal":
			s.string()
		case "version":
			version = s.int()
			s.fail("that is enough")
		default:
			s.fail("it is unknown")
		}
	})
	return version
}

// ending decides about the first line that is no record: forgiven or damaged.
func (r *replay) ending(data []byte, number int64, whole bool) error {
	rest := data[r.good:]
	if number == 0 {
		if len(data) == 0 {
			return r.damaged(number, "the file is empty")
		}
		return r.damaged(number, "the header is not as it was written")
	}
	if len(rest) > maxRecord && !whole {
		return r.damaged(number, fmt.Sprintf("it has more than %d bytes", maxRecord))
	}
	if !whole && bytes.IndexByte(rest, 0) < 0 {
		if holdsRecord(rest) {
			return r.damaged(number, "the record is not as it was written")
		}
		r.torn = int64(len(rest))
		return nil
	}
	if lostZeros(data, int(r.good)) {
		if promised(rest, number) {
			return r.damaged(number, "it is lost, and a later record tells that it had been synced")
		}
		r.torn = int64(len(rest))
		return nil
	}
	return r.damaged(number, "the checksum does not match: it was changed, or a record before it is missing")
}

// holdsRecord tells whether a last line without a newline looks like a whole record: then it
// is no torn one, but has lost its newline, or its checksum, to something else.
func holdsRecord(rest []byte) bool {
	at := bytes.LastIndex(rest, []byte(sumStart))
	return at >= 0 && len(rest)-at >= sumLen
}

// lostZeros tells whether the line that starts at from has zero bytes where data that never
// reached the disk would have left them.
func lostZeros(data []byte, from int) bool {
	const sector = 512
	zero := bytes.IndexByte(data[from:], 0)
	if zero < 0 || bytes.IndexByte(data[from:from+zero], '\n') >= 0 {
		return false
	}
	start := from + zero
	end := start
	for end < len(data) && data[end] == 0 {
		end++
	}
	return (start == from || start%sector == 0) && (end == len(data) || end%sector == 0)
}

// promised tells whether a record in what is left says that number was durable when it was
// written.
func promised(rest []byte, number int64) bool {
	for line := range bytes.Lines(rest) {
		head := string(line[:min(len(line), 80)])
		at := strings.Index(head, `"synced":`)
		if at < 0 {
			continue
		}
		s := &scanner{doc: head, pos: at + len(`"synced":`)}
		if synced := s.int(); s.err == nil && synced > number {
			return true
		}
	}
	return false
}
