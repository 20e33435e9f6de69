package executor

import (
	"maps"
	"slices"
	"sync"

	"jpsync/state"
)

// keys knows which id each app key belongs to, in the state and in this run, so that one
// app never gets two records.
type keys struct {
	mu sync.Mutex
	of map[string]string // id by app key
}

func newKeys(st *state.State) *keys {
	k := &keys{of: make(map[string]string, len(st.Apps))}
	for id, app := range st.Apps {
		k.of[app.AppKey] = id
	}
	return k
}

// claim takes the key for id. If another id has it already, that one is returned.
func (k *keys) claim(appKey, id string) (other string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if owner, taken := k.of[appKey]; taken && owner != id {
		return owner, false
	}
	k.of[appKey] = id
	return "", true
}

// release gives a key up whose app is gone, or is not taken into the record.
func (k *keys) release(appKey string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.of, appKey)
}

// unanswered is what earlier runs left open, looked up by what it was about.
type unanswered struct {
	creates map[string][]string // ids by package
	deletes map[string][]string // ids by app key
}

func newUnanswered(st *state.State) unanswered {
	u := unanswered{creates: map[string][]string{}, deletes: map[string][]string{}}
	for _, id := range slices.Sorted(maps.Keys(st.Pending)) {
		switch in := st.Pending[id]; in.Op {
		case state.OpCreate:
			u.creates[in.AndroidPackage] = append(u.creates[in.AndroidPackage], id)
		case state.OpDelete:
			u.deletes[in.AppKey] = append(u.deletes[in.AppKey], id)
		}
	}
	return u
}
