package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
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

// CheckEncoding says what is wrong with the name of an encoding.
func CheckEncoding(name string) error {
	const known = "must be utf-8 or gb18030"
	if slices.Contains(encodings, name) {
		return nil
	}
	switch short := strings.Map(lettersAndDigits, strings.ToLower(name)); short {
	case "gbk", "gb2312", "cp936", "windows936", "euccn":
		return fmt.Errorf("%s, which includes %s", known, short)
	}
	if near := Suggest(name, encodings); near != "" {
		return fmt.Errorf("%s, did you mean %q?", known, near)
	}
	return errors.New(known)
}

func lettersAndDigits(r rune) rune {
	if unicode.IsLetter(r) || unicode.IsDigit(r) {
		return r
	}
	return -1
}

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
		return "", at, "the file is not UTF-8 from here on, perhaps it is GB18030: " + announce + ` and look at the names in the plan, or save it as "CSV UTF-8"`
	}
	return "", at, `the file is not valid UTF-8 from here on: save it as "CSV UTF-8"`
}

// decodeGB18030 refuses UTF-8 that somebody announced as GB18030, because it would read as
// other names without any complaint.
func decodeGB18030(data []byte) (text string, at Position, problem string) {
	const isUTF8 = "the file is UTF-8, not GB18030: leave encoding out"
	at = Position{Line: 1, Column: 1}
	if bytes.HasPrefix(data, []byte(byteOrderMark)) || readsBetterAsUTF8(data) {
		return "", at, isUTF8
	}
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	text = strings.TrimPrefix(string(decoded), byteOrderMark)
	if err == nil && !strings.ContainsRune(text, utf8.RuneError) {
		return text, at, ""
	}
	if utf8.Valid(data) {
		return "", at, isUTF8
	}
	at = placeOf(text, func(r rune, _ int) bool { return r == utf8.RuneError })
	return "", at, "the file is not valid GB18030 from here on"
}

// readsBetterAsUTF8 compares both readings of bytes that are UTF-8 with a character of three
// bytes, such as a Chinese one. GB18030 comes to look like that only by a rare character with
// two certain others behind it; then its own reading has the fewer rare ones.
func readsBetterAsUTF8(data []byte) bool {
	if !utf8.Valid(data) || !bytes.ContainsFunc(data, func(r rune) bool { return r >= 0x800 }) {
		return false
	}
	data = sample(data)
	encoded, err := simplifiedchinese.GB18030.NewEncoder().Bytes(data)
	if err != nil {
		return true
	}
	common, rare := pairs(encoded)
	commonGB, rareGB := pairs(data)
	return common+rareGB > 0 && rare*(commonGB+rareGB) <= rareGB*(common+rare)
}

// pairs counts the Chinese characters of GB18030: the common ones of GB 2312, which are nearly
// all that people write, and the others that take two bytes.
func pairs(data []byte) (common, rare int) {
	for i := 0; i+1 < len(data); i++ {
		lead, trail := data[i], data[i+1]
		switch {
		case lead < 0x81:
			continue
		case isDigit(trail): // a character of four bytes
			if lead >= 0x90 {
				rare++
			}
			i += 2
		case trail < 0xA1 || lead > 0xF7 || lead >= 0xAA && lead < 0xB0:
			rare++
		case lead >= 0xB0:
			common++
		case lead < 0xA1:
			rare++
		}
		i++
	}
	return common, rare
}

// sample is the part of a text that is looked at to tell its encoding: from the first character
// on that is not ASCII to the end of a line, as far as lines are not very long.
func sample(data []byte) []byte {
	const enough = 64 << 10 // bytes; more says nothing new
	first := bytes.IndexFunc(data, func(r rune) bool { return r >= utf8.RuneSelf })
	data = data[max(0, first):]
	if len(data) > enough {
		if end := bytes.LastIndexByte(data[:enough], '\n'); end > 0 {
			return data[:end]
		}
		if end := bytes.IndexByte(data, '\n'); end > 0 {
			return data[:end]
		}
	}
	return data
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

// likelyGB18030 reports whether the bytes read as Chinese text in GB18030. Other encodings
// make rare characters by that reading: Latin-1 of a letter with an accent and one without.
func likelyGB18030(data []byte) bool {
	data = sample(data)
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		return false
	}
	common, rare := pairs(data)
	return common > 0 && common >= rare
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
