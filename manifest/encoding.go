package manifest

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// The encodings of a CSV file.
const (
	utf8Encoding    = "utf-8"
	gb18030Encoding = "gb18030" // what Excel writes in China
)

const byteOrderMark = "\uFEFF"

// decodeCSV turns the content of a CSV file into text. A problem comes with its position.
func decodeCSV(data []byte, encoding string) (text string, problem string, at Position) {
	switch {
	case notUTF8(data):
		return "", `the file is UTF-16 or binary: save it as "CSV UTF-8"`, Position{Line: 1, Column: 1}
	case encoding == gb18030Encoding:
		text, problem, at = decodeGB18030(data)
	default:
		text = string(data)
		if at = firstBad(text, isInvalid); at.Line > 0 {
			problem = `invalid UTF-8: save the file as "CSV UTF-8", or write "encoding: gb18030" beside csv if it is GB18030`
		}
	}
	if problem != "" {
		return "", problem, at
	}
	text = strings.TrimPrefix(text, byteOrderMark)
	unix := strings.ReplaceAll(strings.TrimSuffix(text, "\r"), "\r\n", "\n")
	if at = firstBad(unix, func(r rune, _ int) bool { return r == '\r' }); at.Line > 0 {
		return "", "unexpected CR without LF: save the file with lines that end with LF or CRLF", at
	}
	return unix, "", Position{}
}

// decodeGB18030 refuses UTF-8 that is announced as GB18030. It would be read as other names
// without an error, and the API cannot change a name.
func decodeGB18030(data []byte) (text string, problem string, at Position) {
	// GB18030 is hardly ever valid UTF-8, least of all with characters of three bytes, as Chinese
	// ones are.
	if utf8.Valid(data) && bytes.ContainsFunc(data, func(r rune) bool { return r >= 0x800 }) {
		return "", "the file is UTF-8, not GB18030: remove encoding", Position{Line: 1, Column: 1}
	}
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	text = string(decoded)
	if at = firstBad(text, func(r rune, _ int) bool { return r == utf8.RuneError }); at.Line > 0 || err != nil {
		return "", "invalid GB18030", at
	}
	return text, "", at
}

func isInvalid(r rune, size int) bool { return r == utf8.RuneError && size == 1 }

// firstBad returns the line and the column of the first character that is bad, or the zero
// Position.
func firstBad(text string, bad func(r rune, size int) bool) Position {
	at := Position{Line: 1, Column: 1}
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case bad(r, size):
			return at
		case r == '\n':
			at.Line, at.Column = at.Line+1, 1
		default:
			at.Column++
		}
		text = text[size:]
	}
	return Position{}
}
