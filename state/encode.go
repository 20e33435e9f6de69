package state

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"jpsync/internal/jpush"
)

// Marshal returns the state's document: JSON, fields in a fixed order, ids sorted, indented
// by two spaces, with a newline at the end. Fields that are empty and may be are left out.
// Times are RFC 3339 in UTC and cut to the second.
//
// The checksum is SHA-256, in lower case hex, over the document without the one line that
// begins with two spaces and "checksum". So anybody can verify a state:
//
//	grep -v '^  "checksum": ' jpsync.state.json | sha256sum
//
// It is an error when the state holds what [Unmarshal] would refuse: text that is not
// UTF-8, an unknown environment or operation, a negative serial, a time before the year 0
// or after 9999.
func Marshal(s *State) ([]byte, error) {
	if s.Version != 0 && s.Version != Version {
		return nil, fmt.Errorf("write a state of version %d: this jpsync writes %d", s.Version, Version)
	}
	if s.Serial < 0 {
		return nil, fmt.Errorf("write a state with serial %d: it cannot be negative", s.Serial)
	}
	e := &encoder{indent: true, buf: make([]byte, 0, 1024+1024*len(s.Apps))}
	e.open()
	e.int("version", Version)
	e.text("lineage", s.Lineage)
	e.int("serial", s.Serial)
	e.text("endpoint", s.Endpoint)
	e.text("account", s.Account)
	e.key("checksum")
	sumAt := len(e.buf) + len(`"sha256:`)
	e.buf = append(e.buf, `"sha256:0000000000000000000000000000000000000000000000000000000000000000"`...)
	e.optional("journal", s.Journal)
	e.key("apps")
	e.open()
	for _, id := range slices.Sorted(maps.Keys(s.Apps)) {
		e.id(id)
		e.app(new(s.Apps[id]))
	}
	e.close()
	if len(s.Pending) > 0 {
		e.key("pending")
		e.open()
		for _, id := range slices.Sorted(maps.Keys(s.Pending)) {
			e.id(id)
			e.open()
			e.intent(new(s.Pending[id]))
			e.close()
		}
		e.close()
	}
	e.close()
	e.buf = append(e.buf, '\n')
	if e.err != nil {
		return nil, fmt.Errorf("write the state: %w", e.err)
	}
	sum := checksum(e.buf, sumAt-len(checksumStart), sumAt+sha256.Size*2+len("\",\n"))
	copy(e.buf[sumAt:], sum)
	return e.buf, nil
}

// encoder writes the document into a buffer. The first value that cannot be written sticks
// in err.
type encoder struct {
	buf    []byte
	depth  int
	indent bool // false: all in one line, as the journal has it
	within string
	err    error
}

func (e *encoder) open() {
	e.buf = append(e.buf, '{')
	e.depth++
}

func (e *encoder) close() {
	e.depth--
	if e.buf[len(e.buf)-1] != '{' {
		e.newline()
	}
	e.buf = append(e.buf, '}')
}

func (e *encoder) newline() {
	if !e.indent {
		return
	}
	e.buf = append(e.buf, '\n')
	for range e.depth {
		e.buf = append(e.buf, "  "...)
	}
}

func (e *encoder) key(name string) {
	if e.buf[len(e.buf)-1] != '{' {
		e.buf = append(e.buf, ',')
	}
	e.newline()
	e.string(name)
	e.buf = append(e.buf, ':')
	if e.indent {
		e.buf = append(e.buf, ' ')
	}
}

// id is a key that comes from outside; what follows belongs to it.
func (e *encoder) id(id string) {
	e.within = id
	e.key(id)
}

func (e *encoder) text(name, value string) {
	e.key(name)
	e.string(value)
}

func (e *encoder) optional(name, value string) {
	if value != "" {
		e.text(name, value)
	}
}

func (e *encoder) int(name string, value int64) {
	e.key(name)
	e.buf = strconv.AppendInt(e.buf, value, 10)
}

func (e *encoder) flag(name string, value bool) {
	e.key(name)
	e.buf = strconv.AppendBool(e.buf, value)
}

func (e *encoder) time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		e.fail("%s %s of %q is out of range", name, t, e.within)
		return
	}
	e.key(name)
	e.buf = append(e.buf, '"')
	e.buf = t.Truncate(time.Second).AppendFormat(e.buf, time.RFC3339)
	e.buf = append(e.buf, '"')
}

// string quotes what JSON demands to be quoted and leaves the rest as it is, so that names
// stay readable.
func (e *encoder) string(s string) {
	e.buf = append(e.buf, '"')
	start, ascii := 0, true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !special[c] {
			continue
		}
		if c >= utf8.RuneSelf {
			ascii = false
			continue
		}
		e.buf = append(e.buf, s[start:i]...)
		if c == '"' || c == '\\' {
			e.buf = append(e.buf, '\\', c)
		} else {
			const digits = "0123456789abcdef"
			e.buf = append(e.buf, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		start = i + 1
	}
	if !ascii && !utf8.ValidString(s) {
		e.fail("%q is not valid UTF-8", s)
	}
	e.buf = append(e.buf, s[start:]...)
	e.buf = append(e.buf, '"')
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

func (e *encoder) app(a *App) {
	e.open()
	e.text("app_name", a.AppName)
	e.text("android_package", a.AndroidPackage)
	e.optional("group_name", a.GroupName)
	e.text("app_key", a.AppKey)
	e.optional("master_secret", a.MasterSecret)
	e.flag("adopted", a.Adopted)
	e.flag("protected", a.Protected)
	e.time("created_at", a.CreatedAt)
	if a.Certificates != (Certificates{}) {
		e.certificates(a.Certificates)
	}
	e.close()
}

func (e *encoder) certificates(certs Certificates) {
	e.key("certificates")
	e.open()
	for _, env := range jpush.Environments { // which is also their sorted order
		c := certs.Of(env)
		if c == (Certificate{}) {
			continue
		}
		e.key(string(env))
		e.open()
		e.text("file_sha256", c.FileSHA256)
		e.text("fingerprint", c.Fingerprint)
		e.optional("bundle_id", c.BundleID)
		e.time("not_after", c.NotAfter)
		e.time("uploaded_at", c.UploadedAt)
		e.close()
	}
	e.close()
}

// intent writes the fields alone: the journal puts an id before them.
func (e *encoder) intent(in *Intent) {
	if !in.Op.intended() {
		e.fail("%q of %q is no operation that can be pending", in.Op, e.within)
	}
	e.text("op", string(in.Op))
	e.optional("app_name", in.AppName)
	e.optional("android_package", in.AndroidPackage)
	e.optional("group_name", in.GroupName)
	e.optional("app_key", in.AppKey)
	e.time("at", in.At)
}

// intended tells whether an intent goes before the operation: a lost answer to an upload
// costs nothing but the same upload once more.
func (op Op) intended() bool { return op == OpCreate || op == OpDelete }
