package manifest

import (
	"strconv"

	"gopkg.in/yaml.v3"
)

// labels reads a mapping of text to text.
func (l *loader) labels(n *yaml.Node) map[string]string {
	m := l.deref(n)
	if m.Kind != yaml.MappingNode || m.Tag != "!!map" {
		l.errorf(n, "labels must be a mapping, not %s", kind(m))
		return nil
	}
	if len(m.Content) > 2*maxLabels {
		l.errorf(n, "labels has more than %d entries", maxLabels)
		return nil
	}
	return l.sharedLabels(m)
}

// maxShared bounds the sets of labels that are kept to be shared.
const maxShared = 10_000

// sharedLabels reads labels. Many apps have few different ones, which then are one map:
// nobody writes through App.Labels.
func (l *loader) sharedLabels(m *yaml.Node) map[string]string {
	if !l.visit(m) {
		return nil
	}
	name := l.labelsName[:0]
	for _, n := range m.Content {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
			name = name[:0]
			break
		}
		// The lengths keep the texts apart.
		name = strconv.AppendInt(name, int64(len(n.Value)), 10)
		name = append(append(name, ' '), n.Value...)
	}
	l.labelsName = name
	if labels, ok := l.labelSets[string(name)]; ok {
		return labels
	}
	before := l.errs.calls
	labels := make(map[string]string, len(m.Content)/2)
	l.label(m, labels)
	if len(name) > 0 && l.errs.calls == before && len(l.labelSets) < maxShared {
		l.labelSets[string(name)] = labels
	}
	return labels
}

func (l *loader) label(m *yaml.Node, labels map[string]string) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], m.Content[i+1]
		if isMerge(k) {
			l.errorf(k, "labels cannot have a merge key (<<)")
			continue
		}
		key, ok := l.text(k, "a label's key")
		if !ok {
			continue
		}
		if problem := checkLabelKey(key); problem != "" {
			l.errorf(k, "a label's key %s", problem)
			continue
		}
		value, ok := l.text(v, "label "+strconv.Quote(clip(key)))
		if !ok {
			continue
		}
		if value != "" {
			l.check(v, "label "+strconv.Quote(clip(key)), checkText(value, maxLabelRunes))
		}
		if _, dup := labels[key]; dup {
			l.errorf(k, "duplicate key %q", clip(key))
		}
		labels[key] = value
	}
}
