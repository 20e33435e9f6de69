package state

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// header is a journal's first line.
type header struct {
	Seq     int64  `json:"seq"`     // 0
	ID      string `json:"journal"` // UUID
	Version int    `json:"version"`
	Serial  int64  `json:"serial"` // of the snapshot that the journal continues
}

// entry is a later line. Synced is how many lines there are before its batch. They are durable before
// it is written; only the header is written with the first batch.
type entry struct {
	Seq    int64 `json:"seq"`
	Synced int64 `json:"synced"`
	Record
}

// foldAt is how large a journal grows before it is folded within a run, in bytes.
const foldAt = 64 << 20

// Append writes the batch in one write and syncs once. The journal gets its name only when
// its first batch is durable: so a full disk leaves nothing behind, and a journal without a
// header is a damaged one.
func (s *fileSession) Append(ctx context.Context, batch []Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.file == nil {
		return s.create(batch)
	}
	if err := s.writer.addAll(batch); err != nil {
		return err
	}
	if err := s.flush(s.file); err != nil {
		return fmt.Errorf("write the journal %s: %w", s.path+JournalSuffix, err)
	}
	return nil
}

// create starts a journal with its first batch, which begins with the binding.
func (s *fileSession) create(batch []Record) error {
	if batch[0].Bind != nil {
		s.bind = &batch[0]
	} else {
		batch = append([]Record{*s.bind}, batch...) // the journal before was folded
	}
	id := s.store.newID()
	s.writer, s.size = journalWriter{}, 0
	err := s.writer.add(header{ID: id, Version: Version, Serial: s.serial})
	if err == nil {
		err = s.writer.addAll(batch)
	}
	if err != nil {
		return err
	}
	fsys, path := s.store.fs, s.path+JournalSuffix
	fail := func(err error) error { return fmt.Errorf("start the journal %s: %w", path, err) }
	f, temp, err := createTemp(fsys, s.path)
	if err != nil {
		return fail(err)
	}
	if err = s.flush(f); err == nil {
		err = fsys.Rename(temp, path)
	}
	if err != nil {
		return fail(errors.Join(err, f.Close(), fsys.Remove(temp)))
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return fail(errors.Join(err, f.Close(), fsys.Remove(path)))
	}
	s.file, s.id = f, id
	return nil
}

// flush writes the lines to the file and syncs it.
func (s *fileSession) flush(f Handle) error {
	s.size += int64(s.writer.lines.Len())
	defer s.writer.lines.Reset()
	return writeSync(f, s.writer.lines.Bytes())
}

// Full reports whether the journal is larger than both the snapshot and foldAt (64 MiB).
func (s *fileSession) Full() bool {
	if s.size <= foldAt {
		return false
	}
	info, err := s.store.fs.Lstat(s.path)
	return err != nil || s.size > info.Size()
}

// journalWriter makes the lines of a journal.
type journalWriter struct {
	lines bytes.Buffer // what is not written yet
	seq   int64        // of the next line
	sum   string       // of the last line
}

// addAll adds a batch.
func (w *journalWriter) addAll(batch []Record) error {
	synced := w.seq
	for _, rec := range batch {
		if err := w.add(entry{Seq: w.seq, Synced: synced, Record: rec}); err != nil {
			return err
		}
	}
	return nil
}

// add adds the line of a header or an entry.
func (w *journalWriter) add(line any) error {
	body, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("write a record to the journal: %w", err)
	}
	sealed, sum := Seal(body, w.sum)
	w.sum = sum
	w.seq++
	w.lines.Write(sealed)
	return nil
}

// The last field of each line chains it to the one before: SHA-256, in lower case hex, of
// the sum of the line before (64 digits, none for the first) and the line up to the comma
// before "sum". So a line that was changed, dropped, repeated or moved breaks every one
// after it.
const sumStart = `,"sum":"`

const sumLen = len(sumStart) + sha256.Size*2 + len(`"}`)

func lineSum(previous string, body []byte) string {
	h := sha256.New()
	io.WriteString(h, previous)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// Seal returns a JSON object as a line of a journal, newline included: with the checksum that
// chains it to the line before, whose sum is previous.
func Seal(object []byte, previous string) (line []byte, sum string) {
	body := bytes.TrimSuffix(object, []byte("}"))
	sum = lineSum(previous, body)
	return fmt.Appendf(nil, "%s%s%s\"}\n", body, sumStart, sum), sum
}

// Unseal returns the object that [Seal] made a line of. ok is false when the line, which may
// lack its newline, is not as it was sealed, or follows another one.
func Unseal(line []byte, previous string) (object []byte, sum string, ok bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	body := line[:max(0, len(line)-sumLen)]
	sum = lineSum(previous, body)
	if len(line) < sumLen || string(line[len(body):]) != sumStart+sum+`"}` {
		return nil, "", false
	}
	return append(bytes.Clone(body), '}'), sum, true
}
