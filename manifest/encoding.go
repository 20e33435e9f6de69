package manifest

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Encodings of a CSV file.
const (
	UTF8    = "utf-8"
	GB18030 = "gb18030" // what Excel writes in China; GBK and GB 2312 are parts of it
)

var encodings = []string{UTF8, GB18030}

const byteOrderMark = "\uFEFF"

// decodeCSV makes the bytes of a CSV file text, or says what is wrong with them from the
// place on that it returns. announce tells how another encoding is named.
func decodeCSV(data []byte, encoding, announce string) (text string, at Position, problem string) {
	at = Position{Line: 1, Column: 1}
	switch {
	case notUTF8(data):
		return "", at, `the file is UTF-16 or binary: save it as "CSV UTF-8"`
	case encoding == GB18030:
		return decodeGB18030(data)
	}
	data, marked := bytes.CutPrefix(data, []byte(byteOrderMark))
	if utf8.Valid(data) {
		return string(data), at, ""
	}
	at = placeOf(string(data), func(r rune, size int) bool { return r == utf8.RuneError && size == 1 })
	if !marked && !beginsAsUTF8(data) && likelyGB18030(data) {
		return "", at, "the file is not UTF-8 from here on, it looks like GB18030: " + announce + `, or save it as "CSV UTF-8"`
	}
	return "", at, `the file is not valid UTF-8 from here on: save it as "CSV UTF-8"`
}

// decodeGB18030 refuses UTF-8 that somebody announced as GB18030, because it would read as
// other names without any complaint. Chinese in UTF-8 is made of threes of bytes, which
// GB18030's pairs do not add up to by chance.
func decodeGB18030(data []byte) (text string, at Position, problem string) {
	at = Position{Line: 1, Column: 1}
	if bytes.HasPrefix(data, []byte(byteOrderMark)) || isChineseUTF8(data) {
		return "", at, "the file is UTF-8, not GB18030: leave encoding out"
	}
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	text = strings.TrimPrefix(string(decoded), byteOrderMark)
	if err == nil && !strings.ContainsRune(text, utf8.RuneError) {
		return text, at, ""
	}
	at = placeOf(text, func(r rune, _ int) bool { return r == utf8.RuneError })
	return "", at, "the file is not valid GB18030 from here on"
}

func isChineseUTF8(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	found := false
	for _, r := range string(data) {
		switch {
		case r < utf8.RuneSelf:
		case r < 0x800:
			return false
		default:
			found = true
		}
	}
	return found
}

// beginsAsUTF8 reports whether there is Chinese in UTF-8 before the first byte that is not
// UTF-8: then it is this byte that is wrong, and not the encoding.
func beginsAsUTF8(data []byte) bool {
	const byChance = 4 // pairs of bytes may look like threes
	threes := 0
	for len(data) > 0 && threes <= byChance {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			return false
		}
		if size == 3 {
			threes++
		}
		data = data[size:]
	}
	return threes > byChance
}

// likelyGB18030 reports whether the bytes read as Chinese text in GB18030.
func likelyGB18030(data []byte) bool {
	const enough = 64 << 10 // bytes; more says nothing new
	if len(data) > enough {
		end := bytes.LastIndexByte(data[:enough], '\n')
		if more := bytes.IndexFunc(data, func(r rune) bool { return r >= utf8.RuneSelf }); more > end {
			data = data[more:]
			end = bytes.IndexByte(data, '\n')
		}
		if end > 0 {
			data = data[:end]
		}
	}
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		return false
	}
	return bytes.ContainsFunc(decoded, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// placeOf is the place of the first character that is bad, by line and character.
func placeOf(text string, bad func(rune, int) bool) Position {
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
	return Position{Line: 1, Column: 1}
}
