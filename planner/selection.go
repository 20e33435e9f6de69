package planner

import (
	"fmt"
	"path"
	"strings"
)

// Selection narrows a plan to some apps. The zero Selection takes all of them.
type Selection struct {
	Targets  []string          // globs on ids, any of which has to match
	Excludes []string          // globs on ids, none of which may match
	Labels   map[string]string // labels that the app must have; recorded apps that left the manifest have none
}

// Empty reports whether the selection takes every app.
func (s Selection) Empty() bool {
	return len(s.Targets) == 0 && len(s.Excludes) == 0 && len(s.Labels) == 0
}

// check finds globs that do not parse. The syntax is that of [path.Match].
func (s Selection) check() error {
	for _, list := range [][]string{s.Targets, s.Excludes} {
		for _, g := range list {
			if _, err := path.Match(g, ""); err != nil {
				return fmt.Errorf("%q is no pattern: %w (use * ? and [a-z], and \\ before a literal one of them)", g, err)
			}
		}
	}
	return nil
}

func (s Selection) matches(id string, labels map[string]string) bool {
	if len(s.Targets) > 0 && !matchesAny(s.Targets, id) || matchesAny(s.Excludes, id) {
		return false
	}
	for name, value := range s.Labels {
		if has, ok := labels[name]; !ok || has != value {
			return false
		}
	}
	return true
}

// literal is the glob that matches id alone.
func literal(id string) string { return globs.Replace(id) }

var globs = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func matchesAny(list []string, id string) bool {
	for _, g := range list {
		if ok, _ := path.Match(g, id); ok {
			return true
		}
	}
	return false
}
