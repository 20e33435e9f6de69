package planner

import (
	"fmt"
	"sort"

	"jpsync/manifest"
	"jpsync/state"
)

// lookup answers questions across apps. Its tables are made when the first question comes:
// a plan in which nothing changes asks none, and there may be a hundred thousand apps.
type lookup struct {
	apps     []manifest.App
	recorded map[string]state.App

	ids      map[string]bool      // of the manifest
	packages map[string]bool      // of the manifest
	owners   map[string][2]string // recorded android_package -> the first two ids that have it
}

// wanted reports whether the manifest has an app of this id.
func (l *lookup) wanted(id string) bool {
	if l.ids == nil {
		l.ids = make(map[string]bool, len(l.apps))
		for i := range l.apps {
			l.ids[l.apps[i].ID] = true
		}
	}
	return l.ids[id]
}

// wantsPackage reports whether the manifest has an app with this package.
func (l *lookup) wantsPackage(name string) bool {
	if l.packages == nil {
		l.packages = make(map[string]bool, len(l.apps))
		for i := range l.apps {
			l.packages[l.apps[i].AndroidPackage] = true
		}
	}
	return l.packages[name]
}

// owner returns the id under which a package is recorded, other than self. A state that was
// corrected by hand may have it twice; then it is the first by name.
func (l *lookup) owner(name, self string) (id string, ok bool) {
	if l.owners == nil {
		l.owners = make(map[string][2]string, len(l.recorded))
		for id, app := range l.recorded {
			two := l.owners[app.AndroidPackage]
			switch {
			case two[0] == "":
				two[0] = id
			case id < two[0]:
				two[0], two[1] = id, two[0]
			case two[1] == "" || id < two[1]:
				two[1] = id
			}
			l.owners[app.AndroidPackage] = two
		}
	}
	two := l.owners[name]
	if two[0] == self {
		return two[1], two[1] != ""
	}
	return two[0], two[0] != ""
}

func didYouMean(id string, candidates []string) string {
	if near := manifest.Suggest(id, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }
