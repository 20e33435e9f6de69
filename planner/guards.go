package planner

import (
	"fmt"
	"strconv"
	"strings"

	"jpsync/manifest"
	"jpsync/state"
)

// TooManyDeletesError says that a plan deletes more apps than it may.
type TooManyDeletesError struct {
	Deletes int
	Limit   manifest.Limit
	Allowed int // the apps that Limit allows
}

func (e *TooManyDeletesError) Error() string {
	limit := strconv.Itoa(e.Allowed)
	if e.Limit.Percent {
		limit += " (" + e.Limit.String() + ")"
	}
	return fmt.Sprintf("the plan deletes %d of the recorded apps, and at most %s may be deleted without a typed yes; deleting is final and loses every registered device: if it is meant, pass --max-deletes %d, or leave deletes out with --no-delete",
		e.Deletes, limit, e.Deletes)
}

// CheckDeletes returns a [TooManyDeletesError] if the plan deletes more than limit allows. A
// percentage is of the recorded apps and is rounded down.
func (p *Plan) CheckDeletes(limit manifest.Limit, recorded int) error {
	allowed := limit.Of(recorded)
	if p.Summary.Delete > allowed {
		return &TooManyDeletesError{Deletes: p.Summary.Delete, Limit: limit, Allowed: allowed}
	}
	return nil
}

// Pins are what a saved plan depends on, as it is now.
type Pins struct {
	Manifest string // SHA-256
	State    StateRef
	Endpoint string
	Account  string
}

// RefTo pins a state. The lineage of a state that was never written is not known yet.
func RefTo(st *state.State) StateRef {
	if st.Serial == 0 {
		return StateRef{}
	}
	return StateRef{Lineage: st.Lineage, Serial: st.Serial}
}

// StaleError says what changed since a plan was made.
type StaleError struct{ Moved []string }

func (e *StaleError) Error() string {
	return "the plan is stale and nothing was sent: " + strings.Join(e.Moved, "; ") + ": make a new plan"
}

// Verify returns a [StaleError] unless everything that the plan pins is as it was. An account
// that was unknown when the plan was made is not compared.
func (p *Plan) Verify(now Pins) error {
	var moved []string
	say := func(format string, args ...any) { moved = append(moved, fmt.Sprintf(format, args...)) }
	switch {
	case p.State.Lineage != now.State.Lineage && p.State.Lineage == "":
		say("it was made before the first apply, and the state has been written since (serial %d)", now.State.Serial)
	case p.State.Lineage != now.State.Lineage:
		say("it was made from another state (lineage %s, now %s)", p.State.Lineage, orNone(now.State.Lineage))
	case p.State.Serial != now.State.Serial:
		say("the state has changed (serial %d, now %d): something was applied since, perhaps this plan", p.State.Serial, now.State.Serial)
	}
	if p.Manifest.SHA256 != now.Manifest {
		say("the manifest has changed")
	}
	if p.Endpoint != now.Endpoint {
		say("it was made for the endpoint %s, not for %s", p.Endpoint, now.Endpoint)
	}
	if p.Account != "" && p.Account != now.Account {
		say("it was made for the account %s, not for %s", p.Account, orNone(now.Account))
	}
	if len(moved) > 0 {
		return &StaleError{Moved: moved}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
