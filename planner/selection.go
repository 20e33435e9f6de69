package planner

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"jpsync/manifest"
	"jpsync/state"
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

// Check refuses patterns and labels that match nothing. In a pipeline, a typing error in
// --target would pass for "nothing to do", and one in --exclude would apply what it was to
// keep out. asked are ids that something was asked for by name, which a selection that leaves
// them out would silently drop.
func (s Selection) Check(m *manifest.Manifest, st *state.State, asked ...string) error {
	if err := s.check(); err != nil {
		return err
	}
	if s.Empty() {
		return nil // there may be a hundred thousand apps
	}
	for i := range m.Apps {
		if app := &m.Apps[i]; slices.Contains(asked, app.ID) && !s.matches(app.ID, app.Labels) {
			return fmt.Errorf("something is asked for %s by name, and the selection leaves it out: select it as well, or leave the selection away", app.ID)
		}
	}
	ids := keys(st.Apps)
	for i := range m.Apps {
		ids = append(ids, m.Apps[i].ID)
	}
	for _, named := range []struct {
		flag string
		list []string
	}{{"--target", s.Targets}, {"--exclude", s.Excludes}} {
		for _, glob := range named.list {
			matches := func(id string) bool { return matchesAny([]string{glob}, id) }
			if !slices.ContainsFunc(ids, matches) {
				return fmt.Errorf("%s %s: no app of the manifest or the state has an id like this%s", named.flag, glob, didYouMean(glob, ids))
			}
		}
	}
	for _, name := range keys(s.Labels) {
		labelled := func(app manifest.App) bool {
			value, ok := app.Labels[name]
			return ok && value == s.Labels[name]
		}
		if !slices.ContainsFunc(m.Apps, labelled) {
			return fmt.Errorf("--select %s=%s: no app of the manifest has this label", name, s.Labels[name])
		}
	}
	return nil
}
