package manifest

import (
	"strings"
	"unicode/utf8"
)

// maxSuggest is the longest name, in bytes, that Suggest compares: the cost is the product
// of two lengths, and no known name is nearly as long.
const maxSuggest = 64

// Suggest returns the candidate that name is most likely a misspelling of, or "" if none is
// near: at most one edit for three characters, where an edit adds, removes, changes or swaps one.
// Upper and lower case are equal, and so are hyphens and underscores. Of several candidates at the
// same distance the first wins.
func Suggest(name string, candidates []string) string {
	if name == "" || len(name) > maxSuggest {
		return ""
	}
	folded := fold(name)
	best, nearest := "", 1+max(1, utf8.RuneCountInString(name)/3)
	for _, c := range candidates {
		if len(c) > maxSuggest {
			continue
		}
		if d := distance(folded, fold(c)); d < nearest {
			best, nearest = c, d
		}
	}
	return best
}

// distance counts the edits from a to b: optimal string alignment, which is Levenshtein's
// distance with swaps of neighbours. Only three rows of the table are kept.
func distance(a, b []rune) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}

// fold makes upper and lower case equal, and hyphens and underscores: android-package is a common
// mistake.
func fold(s string) []rune { return []rune(strings.ReplaceAll(strings.ToLower(s), "-", "_")) }
