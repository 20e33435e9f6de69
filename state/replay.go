package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxLine caps one line of a journal, in bytes: JSON may make six bytes of one.
const maxLine = 8 << 20

// journal is a journal that was read.
type journal struct {
	header  header
	records []Record
	size    int64 // of the lines that were read, in bytes
}

// readJournal reads the journal at path. It returns nil when there is none. With an
// [ErrDamaged] come the records before the damage.
func readJournal(fsys FS, path string) (*journal, error) {
	data, err := readFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j, err := parseJournal(data)
	if err != nil {
		return j, fmt.Errorf("read %s: %w", path, err)
	}
	return j, nil
}

// parseJournal reads a journal's bytes. What a crash may leave at the end is forgiven:
//
//   - the beginning of a line, without its newline, when the file ends there. A line that
//     lacks nothing but the newline counts as written;
//   - zero bytes where a power loss kept the file's length and lost its data. They have to
//     begin at a line's start or at a multiple of 512, the smallest unit a disk writes, and
//     to go on to such a multiple or to the end. What follows the zeros is lost with them, as
//     long as no line after them says that one before was durable: then the disk lost data
//     that it promised to keep.
//
// Everything else is damage, and the records before it come with the error. A whole line is
// never forgiven: it was written, perhaps synced, perhaps reported.
func parseJournal(data []byte) (*journal, error) {
	j := &journal{}
	sum := ""
	for seq := int64(0); j.size < int64(len(data)) || seq == 0; seq++ {
		line, _, newline := bytes.Cut(data[j.size:], []byte("\n"))
		object, next, ok := Unseal(line, sum)
		if !ok {
			return j, j.checkTail(data, seq, newline)
		}
		sum = next
		if err := j.add(object, seq); err != nil {
			return j, err
		}
		j.size += int64(len(line))
		if newline {
			j.size++
		}
	}
	if len(j.records) == 0 {
		return j, j.damaged(1, noBinding)
	}
	return j, nil
}

const noBinding = "the first record is no binding"

// add takes a line whose checksum holds: it is as it was written, but perhaps by a newer
// jpsync.
func (j *journal) add(body []byte, seq int64) error {
	if seq == 0 {
		err := json.Unmarshal(body, &j.header)
		switch {
		case j.header.Version > Version:
			return newerVersion(docJournal, j.header.Version)
		case err != nil || j.header.Version != Version || j.header.ID == "" || j.header.Seq != 0:
			return j.damaged(seq, "invalid journal header")
		}
		return nil
	}
	var en entry
	if err := json.Unmarshal(body, &en); err != nil {
		return j.damaged(seq, JSONReason(err))
	}
	if en.Seq != seq {
		return j.damaged(seq, fmt.Sprintf("it is numbered %d", en.Seq))
	}
	rec, err := en.Record.Checked()
	if err != nil {
		return j.damaged(seq, err.Error())
	}
	switch {
	case seq == 1 && rec.Bind == nil:
		return j.damaged(seq, noBinding)
	case seq > 1 && rec.Bind != nil:
		return j.damaged(seq, "a second binding")
	}
	j.records = append(j.records, rec)
	return nil
}

func (j *journal) damaged(seq int64, reason string) error {
	return &DamagedError{Document: docJournal, Record: int(seq) + 1, Offset: j.size, Reason: reason}
}

// checkTail returns nil when the rest of the file is what a crash may leave.
func (j *journal) checkTail(data []byte, seq int64, newline bool) error {
	rest := data[j.size:]
	torn := !newline && bytes.IndexByte(rest, 0) < 0
	switch {
	case seq <= 1: // the file got its name with these in it
		return j.damaged(seq, "invalid header or binding")
	case !newline && len(rest) > maxLine:
		return j.damaged(seq, fmt.Sprintf("it has more than %d bytes", maxLine))
	case torn && holdsSum(rest):
		return j.damaged(seq, "the checksum does not match")
	case torn:
		return nil
	case !lostZeros(data, int(j.size)):
		return j.damaged(seq, "the checksum does not match: the record was changed, or one before it is missing")
	case promised(rest, seq):
		return j.damaged(seq, "it is lost, and a later record says that it was durable")
	}
	return nil
}

// holdsSum reports whether a last line without a newline has a whole checksum: then it is not
// torn, but was changed.
func holdsSum(rest []byte) bool {
	i := bytes.LastIndex(rest, []byte(sumStart))
	return i >= 0 && len(rest)-i >= sumLen
}

// lostZeros reports whether the line that starts at from has zero bytes where data that never
// reached the disk leaves them.
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

// promised reports whether a line in the rest says that line number seq was durable.
func promised(rest []byte, seq int64) bool {
	for line := range bytes.Lines(rest) {
		_, after, found := bytes.Cut(line[:min(len(line), 80)], []byte(`"synced":`))
		digits, _, _ := bytes.Cut(after, []byte(","))
		if n, err := strconv.ParseInt(string(digits), 10, 64); found && err == nil && n > seq {
			return true
		}
	}
	return false
}

// replay returns the state with the journal's records. s stays as it is; the result is s
// itself when it includes the journal already. A journal that does not continue exactly this
// state is an [ErrUnfitJournal].
func (j *journal) replay(s *State, path string) (*State, error) {
	if s.Journal == j.header.ID {
		return s, nil
	}
	bind := j.records[0].Bind
	if s.Serial != j.header.Serial || s.Lineage != bind.Lineage && s.Lineage != "" {
		beside := fmt.Sprintf("the state beside it is %s with serial %d", s.Lineage, s.Serial)
		if s.Lineage == "" {
			beside = "there is no state beside it"
		}
		return nil, fmt.Errorf("the journal %s of an interrupted run continues state %s with serial %d, but %s: %w: jpsync state recover %s --state %s",
			path, bind.Lineage, j.header.Serial, beside, ErrUnfitJournal, path, strings.TrimSuffix(path, JournalSuffix))
	}
	next := s.Clone()
	if err := next.bind(bind.Endpoint, bind.Account); err != nil {
		return nil, fmt.Errorf("replay %s: %w", path, err)
	}
	for _, rec := range j.records {
		next.Apply(rec)
	}
	next.Journal = j.header.ID
	return next, nil
}
