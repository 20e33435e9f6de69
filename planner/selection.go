package planner

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"jpsync/manifest"
	"jpsync/state"
)

// Selection narrows a plan to some apps. The zero Selection selects every app.
type Selection struct {
	Targets  []string          // globs on ids, any of which must match
	Excludes []string          // globs on ids, none of which may match
	Labels   map[string]string // labels that the app must have; orphans have none
}

// checkGlobs refuses globs that do not parse. The syntax is that of [path.Match].
func (s Selection) checkGlobs() error {
	for _, g := range slices.Concat(s.Targets, s.Excludes) {
		if _, err := path.Match(g, ""); err != nil {
			return fmt.Errorf("%q is no pattern: %w (use * ? and [a-z], and \\ before a literal one of them)", g, err)
		}
	}
	return nil
}

// Recorded returns the ids of the recorded apps that are selected, sorted.
func (s Selection) Recorded(m *manifest.Manifest, st *state.State) []string {
	labels := labelsOf(m)
	ids := slices.Sorted(maps.Keys(st.Apps))
	return slices.DeleteFunc(ids, func(id string) bool { return !s.matches(id, labels[id]) })
}

// labelsOf returns the labels of the manifest's apps by id.
func labelsOf(m *manifest.Manifest) map[string]map[string]string {
	labels := make(map[string]map[string]string, len(m.Apps))
	for i := range m.Apps {
		labels[m.Apps[i].ID] = m.Apps[i].Labels
	}
	return labels
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

func matchesAny(globs []string, id string) bool {
	id = manifest.NameKey(id)
	return slices.ContainsFunc(globs, func(g string) bool {
		ok, _ := path.Match(manifest.NameKey(g), id)
		return ok
	})
}

// literalGlob is the glob that matches id alone.
func literalGlob(id string) string { return globEscapes.Replace(id) }

var globEscapes = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// Check refuses globs and labels that match nothing. In a pipeline, a typing error in --target
// would pass for "nothing to do", and one in --exclude would apply what it was to keep out.
// named are ids that were asked for one by one, which the selection must not leave out.
func (s Selection) Check(m *manifest.Manifest, st *state.State, named ...string) error {
	if err := s.checkGlobs(); err != nil {
		return err
	}
	if len(s.Targets)+len(s.Excludes)+len(s.Labels) == 0 {
		return nil // every app is selected
	}
	labels := labelsOf(m)
	ids := slices.AppendSeq(slices.Collect(maps.Keys(st.Apps)), maps.Keys(labels))
	for _, id := range named {
		if slices.Contains(ids, id) && !s.matches(id, labels[id]) {
			return fmt.Errorf("--replace or --accept names %s, and the selection leaves it out: select it as well, or leave the selection away", id)
		}
	}
	for _, option := range []struct {
		flag  string
		globs []string
	}{{"--target", s.Targets}, {"--exclude", s.Excludes}} {
		for _, glob := range option.globs {
			matches := func(id string) bool { return matchesAny([]string{glob}, id) }
			if !slices.ContainsFunc(ids, matches) {
				return fmt.Errorf("%s %s: no app of the manifest or the state has an id like this%s", option.flag, glob, didYouMean(glob, ids))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
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

// checkNamed refuses --replace and --accept for apps that they cannot apply to, since a typing
// error must not pass for "nothing to do".
func (b *builder) checkNamed() error {
	options := b.in.Options
	for _, named := range []struct {
		flag string
		ids  []string
	}{{"--replace", options.Replace}, {"--accept", options.Accept}} {
		for _, id := range named.ids {
			if _, recorded := b.in.State.Apps[id]; !recorded {
				return fmt.Errorf("%s %s: the state has no app of this id%s", named.flag, id, didYouMean(id, slices.Collect(maps.Keys(b.in.State.Apps))))
			}
			if b.wanted[id] == nil {
				return fmt.Errorf("%s %s: the manifest has no app of this id", named.flag, id)
			}
		}
	}
	for _, id := range options.Replace {
		if slices.Contains(options.Accept, id) {
			return fmt.Errorf("%s is named by both --replace and --accept: choose one", id)
		}
		if options.NoDelete {
			return fmt.Errorf("--replace %s deletes the app first, and --no-delete leaves deletes out: choose one", id)
		}
	}
	return nil
}

func didYouMean(id string, candidates []string) string {
	if near := manifest.Suggest(id, slices.Sorted(slices.Values(candidates))); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// takeBack undoes the planning of an app that is not selected, and counts it as left out or
// unchanged.
func (b *builder) takeBack(before Plan) {
	own := Plan{Changes: b.plan.Changes[len(before.Changes):], Corrections: b.plan.Corrections[len(before.Corrections):]}
	stuck := len(b.plan.Conflicts) > len(before.Conflicts) || len(b.plan.Errors) > len(before.Errors)
	*b.plan = before
	if stuck || own.HasChanges() {
		b.plan.LeftOut++
	} else {
		b.plan.Summary.Unchanged++
	}
}

func (b *builder) selects(app *manifest.App) bool {
	return b.in.Options.Selection.matches(app.ID, app.Labels)
}
