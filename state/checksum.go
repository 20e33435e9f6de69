package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

// checksumStart begins the line that holds the checksum. At this indentation there are
// only the document's own fields, so no app can bring such a line along.
const checksumStart = `  "checksum": "sha256:`

// checksum is over the document without the line from start to end.
func checksum(doc []byte, start, end int) string {
	h := sha256.New()
	h.Write(doc[:start])
	h.Write(doc[end:])
	return hex.EncodeToString(h.Sum(nil))
}

// findChecksum returns where the line with the checksum starts and ends, newline included,
// and what it says. ok is false when there is no such line, written as Marshal writes it.
func findChecksum(doc []byte) (start, end int, sum string, ok bool) {
	start = bytes.Index(doc, []byte("\n"+checksumStart)) + 1
	if start == 0 {
		return 0, 0, "", false
	}
	digits := start + len(checksumStart)
	end = digits + sha256.Size*2 + len("\",\n")
	if end > len(doc) || string(doc[end-3:end]) != "\",\n" {
		return 0, 0, "", false
	}
	return start, end, string(doc[digits : end-3]), true
}

// intact tells whether a document is as it was written.
func intact(doc []byte) bool {
	start, end, sum, ok := findChecksum(doc)
	return ok && checksum(doc, start, end) == sum
}
