package planner

import (
	"fmt"
	"sort"

	"jpsync/state"
)

// departed plans the apps that the state has and the manifest has not. They go last, by id.
func (b *builder) departed() {
	if b.matched == len(b.in.State.Apps) {
		return
	}
	gone := make([]string, 0, len(b.in.State.Apps)-b.matched)
	for id := range b.in.State.Apps {
		if !b.lookup.wanted(id) && !b.renamed[id] {
			gone = append(gone, id)
		}
	}
	sort.Strings(gone)
	for _, id := range gone {
		app := b.in.State.Apps[id]
		switch {
		case !b.in.Options.Selection.matches(id, nil):
			b.plan.LeftOut++
		case b.in.Options.NoDelete:
			b.plan.LeftOut++
			b.warn(Problem{Code: "delete_left_out", App: id,
				Message: "no longer in the manifest and kept, because --no-delete was given"})
		case app.Protected:
			b.plan.Conflicts = append(b.plan.Conflicts, protected(id, app, "delete"))
		default:
			b.deletes = append(b.deletes, deletion(id, app, Removed))
		}
	}
}

func deletion(id string, app state.App, why Reason) Change {
	return Change{
		Action:         Delete,
		App:            id,
		Reason:         why,
		AppName:        app.AppName,
		AndroidPackage: app.AndroidPackage,
		GroupName:      app.GroupName,
		AppKey:         app.AppKey,
	}
}

// unsettled warns of requests that were sent, never answered, and that nothing in this plan
// settles: a create that is no longer wanted may have left an app whose key nobody has, and
// an app that is wanted again may be gone.
func (b *builder) unsettled() {
	for _, id := range keys(b.in.State.Pending) {
		intent := b.in.State.Pending[id]
		switch _, recorded := b.in.State.Apps[id]; {
		case intent.Op == state.OpCreate && !b.lookup.wantsPackage(intent.AndroidPackage):
			b.warn(Problem{Code: "unsettled_create", App: id, Message: fmt.Sprintf(
				"a create of %s was sent and never answered, so the app may exist without a record; put it back into the manifest and apply to get its key, or forget it with: jpsync state rm %s",
				intent.AndroidPackage, Quote(id))})
		case intent.Op == state.OpDelete && recorded && b.lookup.wanted(id) && !b.replace[id]:
			b.warn(Problem{Code: "unsettled_delete", App: id, Message: fmt.Sprintf(
				"a delete of app key %s was sent and never answered, so the app may be gone; look for it in the console, and if it is gone forget it with jpsync state rm %s and apply, which creates it anew",
				intent.AppKey, Quote(id))})
		}
	}
}
