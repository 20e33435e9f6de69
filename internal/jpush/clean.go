package jpush

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxMessage = 200 // characters of a server's message that are kept
	maxCause   = 600 // characters of a cause's text, which may quote what came back
	// minReplaceable is the length from which a secret is cut out of a text. The gaps that
	// a shorter one leaves would reveal it, so the whole text is withheld.
	minReplaceable = 4
	withheld       = "(withheld: it repeats a secret)"
)

// cleaner removes secrets and control characters from texts that a server may have
// influenced, so that they can be shown and logged.
type cleaner struct{ secrets []string }

func newCleaner(secrets ...string) cleaner {
	var c cleaner
	for _, s := range secrets {
		if s == "" {
			continue
		}
		c.secrets = append(c.secrets, s, printable(s),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s)),
			base64.URLEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
			html.EscapeString(s), quoted(strconv.Quote(s)), quoted(strconv.QuoteToASCII(s)))
		for _, escaped := range []string{url.QueryEscape(s), url.PathEscape(s)} {
			c.secrets = append(c.secrets, escaped, lowerEscapes(escaped))
		}
	}
	// The longest first: a shorter one may be a part of it, and the rest would stay.
	slices.SortFunc(c.secrets, func(a, b string) int { return len(b) - len(a) })
	c.secrets = slices.DeleteFunc(slices.Compact(c.secrets), func(s string) bool { return s == "" })
	return c
}

// text removes secrets and unprintable characters and cuts the rest to limit characters.
func (c cleaner) text(s string, limit int) string {
	s = c.scrub(printable(c.scrub(s)))
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit]) + "…"
	}
	return s
}

// err returns err itself if its text is clean. Otherwise it returns an error with the clean
// text, for which only errors.Is still sees the causes.
func (c cleaner) err(err error) error {
	if err == nil {
		return nil
	}
	if s := err.Error(); c.text(s, maxCause) != s {
		return cleanError{c.text(s, maxCause), err}
	}
	return err
}

// cleanError has no Unwrap: its cause must not be printed.
type cleanError struct {
	text  string
	cause error
}

func (e cleanError) Error() string        { return e.text }
func (e cleanError) Is(target error) bool { return errors.Is(e.cause, target) }

// Format prints the text whatever the verb: %+v would go through the fields.
func (e cleanError) Format(f fmt.State, _ rune) { io.WriteString(f, e.text) }

func (c cleaner) scrub(s string) string {
	for _, secret := range c.secrets {
		switch {
		case len(secret) >= minReplaceable:
			s = strings.ReplaceAll(s, secret, "[secret]")
		case containsWord(s, secret):
			return withheld
		}
	}
	return s
}

// containsWord reports whether a short secret stands in s as a word of its own. As a part of
// other words it reveals nothing.
func containsWord(s, word string) bool {
	letter := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+len(word):])
		if !letter(before) && !letter(after) {
			return true
		}
		from = i + 1
	}
}

// printable removes control characters, among them terminal escapes, and formatting
// characters, which can reverse the reading direction. Line breaks become spaces.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// quoted removes the quotes: net/http's errors quote what they could not parse.
func quoted(s string) string { return s[1 : len(s)-1] }

// lowerEscapes turns %2F into %2f: servers write either.
func lowerEscapes(s string) string { return escapes.ReplaceAllStringFunc(s, strings.ToLower) }

var escapes = regexp.MustCompile("%..")
