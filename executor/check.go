package executor

import (
	"errors"
	"fmt"

	"jpsync/planner"
	"jpsync/state"
)

// check refuses a plan that does not fit the state. A plan that was just made always fits;
// a saved one is pinned to its state. It is looked at here all the same, because a delete
// of the wrong app cannot be taken back.
func check(plan *planner.Plan, st *state.State, opts Options) error {
	if n := len(plan.Conflicts); n > 0 {
		return fmt.Errorf("apply: the plan has %d conflicts, the first one is about %q: settle them and plan again", n, plan.Conflicts[0].App)
	}
	for _, c := range plan.Corrections {
		app, ok := st.Apps[c.App]
		if !ok {
			return stale(c.App, "has a record to change", "has none")
		}
		if c.Field == planner.FieldFile && app.Certificates.Of(c.Environment) == (state.Certificate{}) {
			return stale(c.App, "has a recorded "+string(c.Environment)+" certificate", "has none")
		}
	}
	seen := make(map[string]bool)
	for _, steps := range plan.Chains() {
		id := steps[0].App
		if seen[id] {
			return fmt.Errorf("apply: the steps of %q do not stand together in the plan: plan again", id)
		}
		seen[id] = true
		app, recorded := st.Apps[id]
		for _, c := range steps {
			if err := checkStep(c, app, recorded, opts); err != nil {
				return err
			}
			recorded = c.Action != planner.Delete
		}
	}
	return nil
}

// checkStep looks at one step, given whether the app has a record when its turn comes.
func checkStep(c planner.Change, app state.App, recorded bool, opts Options) error {
	if err := c.Check(); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	switch c.Action {
	case planner.Create:
		if recorded {
			return stale(c.App, "is not recorded yet", "has app_key "+app.AppKey)
		}
	case planner.Delete:
		if !recorded || app.AppKey == "" || c.AppKey != app.AppKey {
			return stale(c.App, "has app_key "+c.AppKey, "has app_key "+app.AppKey)
		}
	case planner.Upload:
		if !recorded {
			return stale(c.App, "is recorded", "has no record of it")
		}
		if opts.Certificates == nil {
			return errors.New("apply: the plan uploads certificates, but there is nothing to read them with")
		}
	}
	return nil
}

// stale is the error for a plan that was made from another state.
func stale(id, planned, recorded string) error {
	return fmt.Errorf("apply: by the plan %q %s, the state %s: the plan is stale, plan again", id, planned, recorded)
}
