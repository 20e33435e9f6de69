package planner

import (
	"maps"
	"slices"
	"sync"

	"jpsync/manifest"
	"jpsync/state"
)

// Spelling returns a function that gives an id as the state has it, where the two differ in their
// Unicode form alone, see [manifest.NameKey]. An id that the state does not have stays as it is.
func Spelling(st *state.State) func(id string) string {
	recorded := sync.OnceValue(func() map[string]string {
		ids := make(map[string]string, len(st.Apps))
		for _, id := range slices.Concat(slices.Sorted(maps.Keys(st.Pending)), slices.Sorted(maps.Keys(st.Apps))) {
			ids[manifest.NameKey(id)] = id
		}
		return ids
	})
	return func(id string) string {
		if _, ok := st.Apps[id]; ok {
			return id
		}
		if have, ok := recorded()[manifest.NameKey(id)]; ok {
			return have
		}
		return id
	}
}

// Align gives the apps of a manifest their ids as the state has them, so that what joins the two
// can compare ids as they are. Nothing sends an id.
func Align(m *manifest.Manifest, st *state.State) {
	spell := Spelling(st)
	for i := range m.Apps {
		m.Apps[i].ID = spell(m.Apps[i].ID)
	}
}
