package manifest

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxAliasVisits bounds how many nodes are visited through aliases and merge keys, beyond those
// that the text itself has. It lets 100,000 apps share a block of forty nodes.
const maxAliasVisits = 4_000_000

// reader reads the nodes of one file. What it finds goes to the loader.
type reader struct {
	loader *loader
	name   string // the file, as positions show it
	rel    string // the file, relative to the manifest's directory, slash-separated
	dir    string // the file's directory, absolute and slash-separated: its paths are relative to it
	line   int    // lines of the file before the text that the nodes are from
}

func (r *reader) pos(n *yaml.Node) Position { return Position{r.name, r.line + n.Line, n.Column} }

func (r *reader) errorf(n *yaml.Node, format string, args ...any) {
	r.loader.errs.add(r.pos(n), format, args...)
}

// check reports the problem that a rule found with a field; an empty problem is none.
func (r *reader) check(n *yaml.Node, what, problem string) {
	if problem != "" {
		r.errorf(n, "%s %s", what, problem)
	}
}

// stop ends the load: the manifest exceeds a limit.
func (r *reader) stop(n *yaml.Node, format string, limit int) {
	if !r.loader.stopped {
		r.loader.stopped = true
		r.loader.errs.keep(Error{Pos: r.pos(n), Message: fmt.Sprintf(format, limit)})
	}
}

// mappingSpec describes one kind of mapping.
type mappingSpec struct {
	what string // with its article, for messages
	keys []string
	// textHint follows the error for text in place of the mapping.
	textHint string
	// secret: the mapping stands where a secret is expected. People write the secret itself
	// there, also as a key, so no unknown key is repeated.
	secret bool
	// quoteOnlyNearMisses: the mapping has secrets next to its keys, so an unknown key is
	// repeated only if it is near a known one.
	quoteOnlyNearMisses bool
	// only is what is read, if not all: a key that is none of these, and near to none, is passed over.
	only []string
}

// ignores reports whether a key is passed over.
func (s *mappingSpec) ignores(key string) bool {
	return s.only != nil && !slices.Contains(s.only, Suggest(key, s.keys))
}

// fields are the values of a mapping by key. A key that is missing is nil.
type fields map[string]*yaml.Node

// mapping returns the fields of a mapping, nil if n is none. Keys that spec does not have,
// duplicate keys and bad merge keys are errors; ok reports that there were none.
//
// A merge key (<<) works as in YAML 1.1: the mapping's own keys win, then those of the first
// source. A source cannot have a merge key itself.
func (r *reader) mapping(n *yaml.Node, spec *mappingSpec) (f fields, ok bool) {
	m := deref(n)
	if !isMapping(m) {
		hint := ""
		if kind(m) == "text" {
			hint = spec.textHint
		}
		r.errorf(n, "%s must be a mapping, not %s%s", spec.what, kind(m), hint)
		return nil, false
	}
	f, merges, ok := r.pairs(m, spec)
	if r.loader.stopped {
		return nil, false
	}
	for i, merge := range merges {
		if i > 0 {
			r.errorf(merge.key, "duplicate key %q", "<<")
			ok = false
			continue
		}
		ok = r.merge(f, merge, spec) && ok
	}
	return f, ok
}

// mergeKey is a merge key of a mapping with its value.
type mergeKey struct{ key, value *yaml.Node }

// pairs sorts the pairs of a mapping into fields and merge keys.
func (r *reader) pairs(m *yaml.Node, spec *mappingSpec) (f fields, merges []mergeKey, ok bool) {
	f = make(fields, len(spec.keys))
	if !r.visit(m) {
		return f, nil, false
	}
	ok = true
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], m.Content[i+1]
		switch {
		case isMergeKey(k):
			merges = append(merges, mergeKey{k, v})
		case spec.ignores(k.Value):
		case k.Kind != yaml.ScalarNode || k.Tag != "!!str" || !slices.Contains(spec.keys, k.Value):
			r.unknownKey(k, v, spec)
			ok = false
		case f[k.Value] != nil:
			r.errorf(k, "duplicate key %q", k.Value)
			ok = false
		default:
			f[k.Value] = v
		}
	}
	return f, merges, ok
}

// merge adds to f what the sources of a merge key have and f has not.
func (r *reader) merge(f fields, merge mergeKey, spec *mappingSpec) (ok bool) {
	sources := []*yaml.Node{merge.value}
	if list := deref(merge.value); list.Kind == yaml.SequenceNode {
		r.visit(list)
		sources = list.Content
	}
	ok = true
	for _, source := range sources {
		source = deref(source)
		if !isMapping(source) {
			r.errorf(merge.key, "a merge key (<<) needs a mapping or a list of mappings")
			return false
		}
		more, nested, good := r.pairs(source, spec)
		if len(nested) > 0 {
			r.errorf(nested[0].key, "a mapping that is merged cannot have a merge key (<<) itself: merge both with <<: [*a, *b]")
			good = false
		}
		ok = ok && good
		for key, value := range more {
			if f[key] == nil {
				f[key] = value
			}
		}
	}
	return ok
}

// valueOf returns the value of the first such key in a mapping; nil if there is none, or no mapping.
func valueOf(m *yaml.Node, key string) *yaml.Node {
	for i := 0; m.Kind == yaml.MappingNode && i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

func isMapping(n *yaml.Node) bool { return n.Kind == yaml.MappingNode && n.Tag == "!!map" }

func isMergeKey(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Tag == "!!merge" && k.Value == "<<"
}

// unknownKey reports a key without repeating what may be a secret. Elsewhere a key is repeated
// if it looks like one and has a value: in "{file: a.p12, hunter2}" hunter2 is a key without one.
func (r *reader) unknownKey(k, v *yaml.Node, spec *mappingSpec) {
	if k.Kind != yaml.ScalarNode {
		r.errorf(k, "a key must be plain text, not %s", kind(k))
		return
	}
	near := Suggest(k.Value, spec.keys)
	message := "unknown key"
	if !spec.secret && (near != "" || !spec.quoteOnlyNearMisses) && looksLikeKey(k.Value) && v.Tag != "!!null" {
		message += fmt.Sprintf(" %q", k.Value)
	}
	message += " in " + spec.what
	if near != "" {
		r.errorf(k, "%s, did you mean %q?", message, near)
		return
	}
	r.errorf(k, "%s, known are %s", message, strings.Join(spec.keys, ", "))
}

// looksLikeKey reports whether s has the form of the format's own keys.
func looksLikeKey(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, alphanumeric+"_-") == ""
}

// items returns the entries of a list.
func (r *reader) items(n *yaml.Node, what string) ([]*yaml.Node, bool) {
	s := deref(n)
	if s.Kind != yaml.SequenceNode || s.Tag != "!!seq" {
		r.errorf(n, "%s must be a list, not %s", what, kind(s))
		return nil, false
	}
	return s.Content, r.visit(s)
}

// text returns a scalar that YAML reads as a string. Its errors do not repeat the value.
func (r *reader) text(n *yaml.Node, what string) (string, bool) {
	s := deref(n)
	if s.Kind == yaml.ScalarNode && s.Tag == "!!str" {
		return s.Value, true
	}
	hint := ""
	if s.Kind == yaml.ScalarNode && slices.Contains([]string{"!!int", "!!float", "!!bool", "!!timestamp"}, s.Tag) {
		hint = ": put it in quotes"
	}
	r.errorf(n, "%s must be text, not %s%s", what, kind(s), hint)
	return "", false
}

// deref follows an alias. An alias never refers to another one, so one step is enough.
func deref(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// given reports whether a field has a value: it is there and not null.
func given(n *yaml.Node) bool { return n != nil && !isNull(n) }

// set sets a field to what read makes of its node, if that has a value.
func set[T any](field *T, n *yaml.Node, read func(*yaml.Node) T) {
	if given(n) {
		*field = read(n)
	}
}

func isNull(n *yaml.Node) bool {
	n = deref(n)
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// visit counts the entries of a mapping or a list against the budget. A text of n bytes has
// fewer than n nodes, so only aliases can exceed what the text itself brought in.
func (r *reader) visit(n *yaml.Node) bool {
	r.loader.budget -= int64(len(n.Content)) + 1
	if r.loader.budget >= 0 {
		return true
	}
	r.stop(n, "aliases and merge keys expand to more than %d nodes", maxAliasVisits)
	return false
}

var kinds = map[string]string{
	"!!str": "text", "!!int": "a number", "!!float": "a number", "!!bool": "true or false", "!!null": "null",
	"!!timestamp": "a date", "!!merge": "a merge key", "!!seq": "a list", "!!map": "a mapping",
}

// kind names the kind of a node for messages. It does not repeat a tag: a secret that begins
// with an exclamation mark is one.
func kind(n *yaml.Node) string {
	if name, ok := kinds[n.Tag]; ok {
		return name
	}
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list with a tag"
	case yaml.MappingNode:
		return "a mapping with a tag"
	}
	return "a value with a tag"
}
