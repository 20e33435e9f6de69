package state

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// maxDiffered is how many apps a diff shows at most.
const maxDiffered = 1000

var (
	secretLine   = regexp.MustCompile(`("master_secret": )".*"`)
	checksumOnly = regexp.MustCompile(`^  "checksum": `)
	entryLine    = regexp.MustCompile(`^    ".*": \{`)
)

// diffLines returns the lines that differ between the documents of two states, each with a -
// or a + before. The first line of an app stands before its lines. Master secrets are masked,
// so one that changed shows as the same line twice.
func diffLines(before, after *State) ([]string, error) {
	before, after, more := differing(before, after)
	a, err := Marshal(before)
	if err != nil {
		return nil, err
	}
	b, err := Marshal(after)
	if err != nil {
		return nil, err
	}
	dmp := diffmatchpatch.New()
	textA, textB, lines := dmp.DiffLinesToRunes(string(a), string(b))
	var out []string
	entry := "" // the first line of the app or the request that a line belongs to
	for _, d := range dmp.DiffCharsToLines(dmp.DiffMainRunes(textA, textB, false), lines) {
		for line := range strings.Lines(d.Text) {
			line = secretLine.ReplaceAllString(strings.TrimSuffix(line, "\n"), `$1"(secret)"`)
			isEntry := entryLine.MatchString(line)
			switch {
			case checksumOnly.MatchString(line):
			case d.Type == diffmatchpatch.DiffEqual && isEntry:
				entry = line
			case d.Type == diffmatchpatch.DiffEqual:
			default:
				if entry != "" && !isEntry {
					out = append(out, "  "+entry)
				}
				entry = ""
				out = append(out, map[diffmatchpatch.Operation]string{diffmatchpatch.DiffDelete: "- ", diffmatchpatch.DiffInsert: "+ "}[d.Type]+line)
			}
		}
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more apps differ", more))
	}
	return out, nil
}

// differing returns the two states without the apps that are the same in both, and how many
// more than maxDiffered it left out: a hundred thousand apps take long to compare by line.
func differing(before, after *State) (a, b *State, more int) {
	a, b = before.Clone(), after.Clone()

	shown := 0
	for _, id := range keys(before.Apps, after.Apps) {
		appA, inA := before.Apps[id]
		appB, inB := after.Apps[id]
		same := inA == inB && appA == appB
		if !same && shown < maxDiffered {
			shown++
			continue
		}
		if !same {
			more++
		}
		delete(a.Apps, id)
		delete(b.Apps, id)
	}
	return a, b, more
}
