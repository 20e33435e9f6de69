package manifest

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// The encodings of a CSV file.
const (
	utf8Encoding    = "utf-8"
	gb18030Encoding = "gb18030" // what Excel writes in China
)

// maxForeignBytes bounds a file that is not UTF-8: each of its bytes may become three, and is in memory
// a few times while it is decoded.
const maxForeignBytes = 64 << 20

const byteOrderMark = "\uFEFF"

// decodeCSV turns the content of a CSV file into text. A problem comes with its position.
func decodeCSV(data []byte, encoding string) (text string, problem string, at Position) {
	start := Position{Line: 1, Column: 1}
	switch problem = looksLike(data); {
	case problem != "":
		at = start
	case len(data) > maxForeignBytes && (encoding == gb18030Encoding || markedUTF16(data)):
		problem, at = "the file is larger than "+bytesText(maxForeignBytes)+`, the most in UTF-16 and GB18030: save it as "CSV UTF-8"`, start
	case markedUTF16(data):
		problem = `invalid UTF-16: save the file as "CSV UTF-8"`
		text, at = decodeFrom(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM), data)
	case notUTF8(data):
		problem, at = `the file is binary, or UTF-16 without a byte order mark: save it as "CSV UTF-8"`, start
	case encoding == gb18030Encoding && isUTF8(data):
		problem, at = "the file is UTF-8, not GB18030: remove encoding", start
	case encoding == gb18030Encoding:
		problem = "invalid GB18030"
		text, at = decodeFrom(simplifiedchinese.GB18030, data)
	default:
		problem = `invalid UTF-8: save the file as "CSV UTF-8", or write "encoding: gb18030" beside csv if it is GB18030`
		text = string(data)
		at = firstBad(text, isInvalid)
	}
	if at != (Position{}) {
		return "", problem, at
	}
	text = strings.TrimPrefix(text, byteOrderMark)
	unix := strings.ReplaceAll(strings.TrimSuffix(text, "\r"), "\r\n", "\n")
	if at = firstBad(unix, func(r rune, _ int) bool { return r == '\r' }); at.Line > 0 {
		return "", "unexpected CR without LF: save the file with lines that end with LF or CRLF", at
	}
	return unix, "", Position{}
}

// markedUTF16 recognizes the byte order mark of UTF-16, with which Excel writes "Unicode Text". No
// text in UTF-8 or GB18030 begins like that. One in UTF-32 does, with zeros after it.
func markedUTF16(data []byte) bool {
	marked := bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF"))
	return marked && !bytes.HasPrefix(data[2:], []byte{0, 0})
}

// isUTF8 recognizes UTF-8 that is announced as GB18030. It would be read as other names without an
// error, and the API cannot change a name. GB18030 is hardly ever valid UTF-8, least of all with
// characters of three bytes, as Chinese ones are.
func isUTF8(data []byte) bool {
	return utf8.Valid(data) && bytes.ContainsFunc(data, func(r rune) bool { return r >= 0x800 })
}

// decodeFrom decodes another encoding. bad is where the text is invalid, or the zero Position.
func decodeFrom(e encoding.Encoding, data []byte) (text string, bad Position) {
	decoded, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return "", Position{Line: 1, Column: 1}
	}
	text = string(decoded)
	return text, firstBad(text, isReplacement)
}

func isReplacement(r rune, _ int) bool { return r == utf8.RuneError }

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
