package manifest

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxAliasVisits bounds how many nodes are looked at beyond what the text itself has, that
// is, through aliases and merge keys. It lets 100,000 apps share a block of forty nodes.
const maxAliasVisits = 4_000_000

// maxMergeDepth bounds merge keys inside of what merge keys bring in. It also ends those
// that bring in themselves.
const maxMergeDepth = 8

// shape is a kind of mapping: the keys that it may have.
type shape struct {
	what string // with its article, for messages
	keys []string
	// secret marks a mapping that stands where a secret is expected: people write the
	// secret itself there, also as a key, so that an unknown key is not repeated.
	secret bool
	// careful marks a mapping beside secrets: only a near miss of a known key is repeated.
	careful bool
}

// fields sorts the values of a mapping into out, one for each key of the shape, nil where a
// key is missing. Everything else that the mapping has is an error. It reports whether n is
// a mapping at all.
//
// A merge key (<<) works as YAML 1.1 has it: what the mapping says itself wins, then what
// comes first.
func (l *loader) fields(n *yaml.Node, s *shape, out []*yaml.Node) bool {
	m := l.deref(n)
	if m.Kind != yaml.MappingNode || m.Tag != "!!map" {
		l.errorf(n, "%s must be a mapping, not %s", s.what, kind(m))
		return false
	}
	l.merge(m, s, out, 0)
	return true
}

func (l *loader) merge(m *yaml.Node, s *shape, out []*yaml.Node, depth int) {
	if !l.visit(m) {
		return
	}
	var own uint32 // the keys of m itself
	merges := false
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], m.Content[i+1]
		if isMerge(k) {
			merges = true
			continue
		}
		at := s.index(k)
		switch {
		case at < 0:
			l.unknownKey(k, v, s)
		case own&(1<<at) != 0:
			l.errorf(k, "duplicate key %q", s.keys[at])
		case out[at] == nil:
			out[at] = v
			own |= 1 << at
		default: // the mapping that merges this one has its own
			own |= 1 << at
		}
	}
	if merges {
		l.mergeKeys(m, s, out, depth)
	}
}

// mergeKeys follows the merge keys of m.
func (l *loader) mergeKeys(m *yaml.Node, s *shape, out []*yaml.Node, depth int) {
	if depth >= maxMergeDepth {
		l.errorf(m, "merge keys (<<) inside of each other more than %d times", maxMergeDepth)
		return
	}
	seen := false
	for i := 0; i+1 < len(m.Content); i += 2 {
		k := m.Content[i]
		if !isMerge(k) {
			continue
		}
		if seen {
			l.errorf(k, "duplicate key %q", "<<")
			continue
		}
		seen = true
		source := l.deref(m.Content[i+1])
		sources := []*yaml.Node{source}
		if source.Kind == yaml.SequenceNode {
			l.visit(source)
			sources = source.Content
		}
		for _, source := range sources {
			source = l.deref(source)
			if source.Kind != yaml.MappingNode || source.Tag != "!!map" {
				l.errorf(k, "a merge key (<<) takes a mapping or a list of them")
				break
			}
			l.merge(source, s, out, depth+1)
		}
	}
}

func isMerge(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Tag == "!!merge" && k.Value == "<<"
}

func (s *shape) index(k *yaml.Node) int {
	if k.Kind != yaml.ScalarNode || k.Tag != "!!str" {
		return -1
	}
	for i, name := range s.keys {
		if name == k.Value {
			return i
		}
	}
	return -1
}

// unknownKey says so without repeating anything that may be a secret. Outside of a secret's
// place a key is repeated when it has the form of one and a value: "{file: a.p12, hunter2}"
// is a key without a value.
func (l *loader) unknownKey(k, v *yaml.Node, s *shape) {
	if k.Kind != yaml.ScalarNode {
		l.errorf(k, "a key must be plain text, not %s", kind(k))
		return
	}
	near := Suggest(k.Value, s.keys)
	message := "unknown key"
	if !s.secret && (near != "" || !s.careful) && looksLikeKey(k.Value) && v.Tag != "!!null" {
		message += fmt.Sprintf(" %q", k.Value)
	}
	message += " in " + s.what
	if near != "" {
		l.errorf(k, "%s, did you mean %q?", message, near)
		return
	}
	l.errorf(k, "%s, which knows %s", message, strings.Join(s.keys, ", "))
}

// looksLikeKey reports whether s has the form of the format's own keys.
func looksLikeKey(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// items returns the entries of a list.
func (l *loader) items(n *yaml.Node, what string) ([]*yaml.Node, bool) {
	s := l.deref(n)
	if s.Kind != yaml.SequenceNode || s.Tag != "!!seq" {
		l.errorf(n, "%s must be a list, not %s", what, kind(s))
		return nil, false
	}
	return s.Content, l.visit(s)
}

// text returns a scalar that YAML reads as a string. It never repeats the value.
func (l *loader) text(n *yaml.Node, what string) (string, bool) {
	s := l.deref(n)
	if s.Kind == yaml.ScalarNode && s.Tag == "!!str" {
		return s.Value, true
	}
	if s.Kind == yaml.ScalarNode && (s.Tag == "!!int" || s.Tag == "!!float" || s.Tag == "!!bool" || s.Tag == "!!timestamp") {
		l.errorf(n, "%s must be text, not %s: put it in quotes", what, kind(s))
	} else {
		l.errorf(n, "%s must be text, not %s", what, kind(s))
	}
	return "", false
}

// deref follows an alias. An anchor stands on a node that is none, so one step is enough.
func (l *loader) deref(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// given reports whether a field has a value: it is there and not null.
func (l *loader) given(n *yaml.Node) bool { return n != nil && !l.isNull(n) }

func (l *loader) isNull(n *yaml.Node) bool {
	n = l.deref(n)
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// visit charges the entries of a mapping or a list to the budget. A text of n bytes has
// fewer than n nodes, so that only aliases can spend more than the text brought in.
func (l *loader) visit(n *yaml.Node) bool {
	l.budget -= int64(len(n.Content)) + 1
	if l.budget >= 0 {
		return true
	}
	if !l.spent {
		l.spent = true
		l.errs.keep(Error{l.pos(n), fmt.Sprintf("aliases and merge keys expand to more than %d nodes", maxAliasVisits)})
	}
	return false
}

// kind says what a node is, for messages. Not even the tag is repeated: a literal secret
// that begins with an exclamation mark is one.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		if n.Tag != "!!map" {
			return "a mapping with a tag"
		}
		return "a mapping"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "null"
	case "!!timestamp":
		return "a date"
	case "!!merge":
		return "a merge key"
	}
	return "a value with a tag"
}
