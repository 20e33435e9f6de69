package planner

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"jpsync/manifest"
	"jpsync/state"
)

// CheckDeletes returns an error if the plan deletes more than limit allows. A percentage is of the
// recorded apps and is rounded down.
func (p *Plan) CheckDeletes(limit manifest.Limit, recorded int) error {
	deletes, allowed := p.Summary.Delete, limit.Of(recorded)
	if deletes <= allowed {
		return nil
	}
	most := strconv.Itoa(allowed)
	if limit.Percent {
		most += " (" + limit.String() + ")"
	}
	return fmt.Errorf("the plan deletes %d of the recorded apps, and at most %s may be deleted without a typed yes; deleting is final and loses every registered device: if it is meant, pass --max-deletes %d, or leave deletes out with --no-delete and without --replace",
		deletes, most, deletes)
}

// RefTo pins a state. The lineage of a state that was never written is not known yet.
func RefTo(st *state.State) StateRef {
	if st.Serial == 0 {
		return StateRef{}
	}
	return StateRef{Lineage: st.Lineage, Serial: st.Serial}
}

// StaleError says what changed since a plan was made.
type StaleError struct{ Changed []string }

func (e *StaleError) Error() string {
	return "the plan is stale and nothing was sent: " + strings.Join(e.Changed, "; ") + ": make a new plan"
}

// CheckFresh returns a [StaleError] unless everything that the plan pins is as it is in now: the text of
// the manifest, the state, the endpoint and the account. An account that was unknown when the plan
// was made is not compared.
func (p *Plan) CheckFresh(now Input) error {
	var moved []string
	say := func(format string, args ...any) { moved = append(moved, fmt.Sprintf(format, args...)) }
	switch st := RefTo(now.State); {
	case p.State.Lineage != st.Lineage && p.State.Lineage == "":
		say("it was made before the first apply, and the state has been written since (serial %d)", st.Serial)
	case p.State.Lineage != st.Lineage:
		say("it was made from another state (lineage %s, now %s)", p.State.Lineage, cmp.Or(st.Lineage, "none"))
	case p.State.Serial != st.Serial:
		say("the state has changed (serial %d, now %d): something was applied since, perhaps this plan", p.State.Serial, st.Serial)
	}
	if p.Manifest.SHA256 != now.Manifest.SHA256 {
		say("the manifest has changed")
	}
	if p.Endpoint != now.Endpoint {
		say("it was made for the endpoint %s, not for %s", p.Endpoint, now.Endpoint)
	}
	if p.Account != "" && p.Account != now.Account {
		say("it was made for the account %s, not for %s", p.Account, cmp.Or(now.Account, "none"))
	}
	if len(moved) > 0 {
		return &StaleError{Changed: moved}
	}
	return nil
}
