package state

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// maxDiffered is how many apps a diff shows at most: a hundred thousand take long to compare by line.
const maxDiffered = 1000

var (
	secretLine = regexp.MustCompile(`("master_secret": )".*"`)
	entryLine  = regexp.MustCompile(`^    ".*": \{`)
)

// diffLines returns the lines that differ between the documents of two states, each with a -
// or a + before. The first line of an app stands before its lines. Master secrets are masked,
// so one that changed shows as the same line twice.
func diffLines(before, after *State) ([]string, error) {
	ids := differing(before.Apps, after.Apps)
	shown := ids[:min(len(ids), maxDiffered)]
	a, err := Marshal(before.only(shown))
	if err != nil {
		return nil, err
	}
	b, err := Marshal(after.only(shown))
	if err != nil {
		return nil, err
	}
	dmp := diffmatchpatch.New()
	textA, textB, lines := dmp.DiffLinesToRunes(string(a), string(b))
	var out []string
	signs := map[diffmatchpatch.Operation]string{diffmatchpatch.DiffDelete: "- ", diffmatchpatch.DiffInsert: "+ "}
	entry := "" // the first line of the app or the request that a line belongs to
	for _, d := range dmp.DiffCharsToLines(dmp.DiffMainRunes(textA, textB, false), lines) {
		for line := range strings.Lines(d.Text) {
			line = secretLine.ReplaceAllString(strings.TrimSuffix(line, "\n"), `$1"(secret)"`)
			isEntry := entryLine.MatchString(line)
			switch {
			case strings.HasPrefix(line, checksumStart):
			case d.Type != diffmatchpatch.DiffEqual:
				if entry != "" && !isEntry {
					out = append(out, "  "+entry)
				}
				entry = ""
				out = append(out, signs[d.Type]+line)
			case isEntry:
				entry = line
			}
		}
	}
	if more := len(ids) - len(shown); more > 0 {
		out = append(out, fmt.Sprintf("and %d more apps differ", more))
	}
	return out, nil
}

// only returns the state with these of its apps alone.
func (s *State) only(ids []string) *State {
	c := *s
	c.Apps = map[string]App{}
	for _, id := range ids {
		if app, ok := s.Apps[id]; ok {
			c.Apps[id] = app
		}
	}
	return &c
}

// differing returns the keys under which two maps differ, sorted.
func differing[V comparable](a, b map[string]V) (keys []string) {
	for key, before := range a {
		if after, ok := b[key]; !ok || before != after {
			keys = append(keys, key)
		}
	}
	for key := range b {
		if _, ok := a[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
