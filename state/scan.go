package state

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// special marks the bytes that end the fast way through a JSON string.
var special = func() (t [256]bool) {
	for c := range t {
		t[c] = c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\'
	}
	return t
}()

// scanner reads JSON of a known shape, and that strictly: no unknown or repeated fields,
// no other types, nothing after the end, nothing but UTF-8. It makes no tokens; strings are
// parts of the document wherever nothing is escaped in them, which is what makes a state of
// 100,000 apps load fast. The first error sticks, and everything after it reads as zero.
type scanner struct {
	doc string
	pos int
	err error
	off int // of the error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
		s.off = s.pos
	}
}

// peek skips white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for ; s.pos < len(s.doc); s.pos++ {
		switch c := s.doc[s.pos]; c {
		case ' ', '\n', '\t', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) bool {
	if s.err != nil {
		return false
	}
	got := s.peek()
	if s.pos == len(s.doc) {
		s.fail("it ends where %q should be", c)
		return false
	}
	if got != c {
		s.fail("%q is where %q should be", got, c)
		return false
	}
	s.pos++
	return true
}

// object calls field for each key; field has to read the value.
func (s *scanner) object(field func(key string)) {
	if !s.expect('{') {
		return
	}
	if s.peek() == '}' {
		s.pos++
		return
	}
	for s.err == nil {
		s.peek()
		key := s.string()
		if !s.expect(':') {
			return
		}
		field(key)
		if s.err == nil && s.peek() == '}' {
			s.pos++
			return
		}
		s.expect(',')
	}
}

// end refuses what follows the document.
func (s *scanner) end() {
	if s.err == nil && (s.peek() != 0 || s.pos < len(s.doc)) {
		s.fail("something follows the end")
	}
}

// fields keeps which fields of an object were seen.
type fields uint32

// once notes field number n and refuses it the second time.
func (f *fields) once(s *scanner, n int, key string) {
	if *f&(1<<n) != 0 {
		s.fail("%q is there twice", key)
	}
	*f |= 1 << n
}

// need refuses an object without the first len(names) fields.
func (f fields) need(s *scanner, names ...string) {
	for n, name := range names {
		if f&(1<<n) == 0 {
			s.fail("%q is missing", name)
		}
	}
}

func (s *scanner) string() string {
	if !s.expect('"') {
		return ""
	}
	start, ascii := s.pos, true
	for s.pos < len(s.doc) {
		c := s.doc[s.pos]
		switch {
		case !special[c]:
			s.pos++
		case c == '"':
			text := s.doc[start:s.pos]
			if !ascii && !utf8.ValidString(text) {
				s.fail("a string is not valid UTF-8")
				return ""
			}
			s.pos++
			return text
		case c == '\\':
			return s.escaped(start)
		case c < 0x20:
			s.fail("a string holds the control character %#x", c)
			return ""
		default:
			ascii = false
			s.pos++
		}
	}
	s.fail("it ends within a string")
	return ""
}

// escaped is the slow way, from the first backslash on.
func (s *scanner) escaped(start int) string {
	var b strings.Builder
	b.WriteString(s.doc[start:s.pos])
	for s.pos < len(s.doc) && s.err == nil {
		c := s.doc[s.pos]
		s.pos++
		switch {
		case c == '"':
			if !utf8.ValidString(b.String()) {
				s.fail("a string is not valid UTF-8")
				return ""
			}
			return b.String()
		case c == '\\':
			b.WriteRune(s.escape())
		case c < 0x20:
			s.fail("a string holds the control character %#x", c)
		default:
			b.WriteByte(c)
		}
	}
	s.fail("it ends within a string")
	return ""
}

func (s *scanner) escape() rune {
	if s.pos == len(s.doc) {
		return 0
	}
	c := s.doc[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c)
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'u':
		r := s.hex4()
		if !utf16.IsSurrogate(r) {
			return r
		}
		if strings.HasPrefix(s.doc[s.pos:], `\u`) {
			s.pos += 2
			if r = utf16.DecodeRune(r, s.hex4()); r != utf8.RuneError {
				return r
			}
		}
		s.fail("a string holds half a surrogate pair")
		return 0
	}
	s.fail("a string holds the unknown escape \\%c", c)
	return 0
}

func (s *scanner) hex4() rune {
	if len(s.doc)-s.pos < 4 {
		s.fail("it ends within a string")
		return 0
	}
	n, err := strconv.ParseUint(s.doc[s.pos:s.pos+4], 16, 32)
	if err != nil {
		s.fail("%q is no hexadecimal number", s.doc[s.pos:s.pos+4])
	}
	s.pos += 4
	return rune(n)
}

// int reads a whole number that fits 63 bits.
func (s *scanner) int() int64 {
	if s.err != nil {
		return 0
	}
	s.peek()
	start := s.pos
	for s.pos < len(s.doc) && (s.doc[s.pos] >= '0' && s.doc[s.pos] <= '9') {
		s.pos++
	}
	digits := s.doc[start:s.pos]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || (len(digits) > 1 && digits[0] == '0') {
		s.pos = start
		s.fail("a whole number should be here")
		return 0
	}
	return n
}

func (s *scanner) bool() bool {
	if s.err != nil {
		return false
	}
	s.peek()
	switch rest := s.doc[s.pos:]; {
	case strings.HasPrefix(rest, "true"):
		s.pos += len("true")
		return true
	case strings.HasPrefix(rest, "false"):
		s.pos += len("false")
		return false
	}
	s.fail("true or false should be here")
	return false
}

// time reads RFC 3339 in UTC, to the second.
func (s *scanner) time() time.Time {
	text := s.string()
	if s.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || len(text) != len("2006-01-02T15:04:05Z") {
		s.fail("%.40q is no time in UTC, to the second", text)
		return time.Time{}
	}
	return t
}
