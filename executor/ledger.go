package executor

import (
	"slices"
	"sync"

	"jpsync/planner"
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

// pending is what earlier runs left open, looked up by what it was about. Only records is
// written to after the start, before there are workers.
type pending struct {
	intents map[string]state.Intent // by id
	creates map[string][]string     // ids by package, of creates that were never answered
	deletes map[string][]string     // ids by app key, of deletes that were never answered
	planned map[string]bool         // ids that this plan has steps for
	records map[string]state.App    // records that this run changed without a request
}

func newPending(plan *planner.Plan, st *state.State) pending {
	p := pending{
		intents: st.Pending,
		creates: make(map[string][]string),
		deletes: make(map[string][]string),
		planned: make(map[string]bool),
		records: make(map[string]state.App),
	}
	for id, in := range st.Pending {
		switch in.Op {
		case state.OpCreate:
			p.creates[in.AndroidPackage] = append(p.creates[in.AndroidPackage], id)
		case state.OpDelete:
			p.deletes[in.AppKey] = append(p.deletes[in.AppKey], id)
		}
	}
	for _, open := range []map[string][]string{p.creates, p.deletes} {
		for _, ids := range open {
			slices.Sort(ids)
		}
	}
	for _, c := range plan.Actions {
		p.planned[c.App] = true
	}
	return p
}
