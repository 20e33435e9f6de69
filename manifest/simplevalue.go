package manifest

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// key reads a word, its colon and the space behind that; a line's end stays.
func (s *simple) key() *yaml.Node {
	start := s.at
	for s.at < len(s.text) {
		if c := s.text[s.at]; !isLetter(c) && c != '_' && (s.at == start || !isDigit(c) && c != '-') {
			break
		}
		s.at++
	}
	word := s.text[start:s.at]
	if word == "" || len(word) > 64 || s.peek() != ':' || plainTag(word) != "!!str" {
		return nil
	}
	s.at = start
	k := s.node(yaml.ScalarNode, "!!str")
	k.Value = word
	s.at += len(word) + 1
	if c := s.peek(); c != ' ' && c != '\n' {
		return nil
	}
	return k
}

// value reads a value that ends in its line.
func (s *simple) value(inFlow bool, depth int) *yaml.Node {
	switch s.peek() {
	case '{':
		return s.flow(depth + 1)
	case '"':
		return s.quoted('"', yaml.DoubleQuotedStyle)
	case '\'':
		return s.quoted('\'', yaml.SingleQuotedStyle)
	}
	return s.plain(inFlow)
}

// quoted reads a text in quotes without escapes.
func (s *simple) quoted(quote byte, style yaml.Style) *yaml.Node {
	n := s.node(yaml.ScalarNode, "!!str")
	n.Style = style
	start := s.at + 1
	for i := start; i < len(s.text); i++ {
		switch s.text[i] {
		case '\n', '\\':
			return nil
		case quote:
			n.Value = s.text[start:i]
			s.at = i + 1
			if s.peek() == quote {
				return nil
			}
			return n
		}
	}
	return nil
}

// plain reads a text without quotes.
func (s *simple) plain(inFlow bool) *yaml.Node {
	end := s.plainEnd(inFlow)
	if end < 0 {
		return nil
	}
	value := strings.TrimRight(s.text[s.at:end], " ")
	tag := plainTag(value)
	if tag == "" {
		return nil
	}
	n := s.node(yaml.ScalarNode, tag)
	n.Value = value
	s.at += len(value)
	return n
}

// plainEnd finds what ends a text without quotes; -1 if it may go on as something else.
func (s *simple) plainEnd(inFlow bool) int {
	for i := s.at; i < len(s.text); i++ {
		switch c := s.text[i]; c {
		case '\n':
			if inFlow {
				return -1
			}
			return i
		case ':':
			if inFlow || i+1 == len(s.text) || s.text[i+1] == ' ' || s.text[i+1] == '\n' {
				return -1
			}
		case '#':
			if i > 0 && s.text[i-1] == ' ' { // a comment begins
				if inFlow {
					return -1
				}
				return i
			}
		case ',', '}':
			if inFlow {
				return i
			}
		case '{', '[', ']', '?':
			if inFlow {
				return -1
			}
		}
	}
	if inFlow {
		return -1
	}
	return len(s.text)
}

// plainTag is the tag of a text without quotes, or "" for what it leaves to the YAML package:
// whatever could be a number, a date or the mark of something else.
func plainTag(value string) string {
	if value == "" {
		return ""
	}
	switch c := value[0]; {
	case isLetter(c):
		switch value {
		case "true", "True", "TRUE", "false", "False", "FALSE":
			return "!!bool"
		case "null", "Null", "NULL":
			return "!!null"
		}
		return "!!str"
	case isDigit(c):
		for i := range len(value) {
			// No number and no date has such a letter.
			if c := value[i]; c >= utf8.RuneSelf || isLetter(c) && strings.IndexByte("abcdefxotz", c|0x20) < 0 {
				return "!!str"
			}
		}
		return ""
	case c >= utf8.RuneSelf, c == '_', c == '/', c == '$',
		strings.HasPrefix(value, "./"), strings.HasPrefix(value, "../"):
		return "!!str"
	}
	return ""
}
