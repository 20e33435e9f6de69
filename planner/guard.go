package planner

import (
	"fmt"
	"strconv"

	"jpsync/manifest"
)

// TooManyDeletesError says that a plan deletes more apps than it may.
type TooManyDeletesError struct {
	Deletes int
	Limit   manifest.Limit
	Allowed int // what Limit comes to
}

func (e *TooManyDeletesError) Error() string {
	limit := strconv.Itoa(e.Allowed)
	if e.Limit.Percent {
		limit += " (" + e.Limit.String() + ")"
	}
	return fmt.Sprintf("the plan deletes %d of the recorded apps and %s may be deleted without being told to; deleting is final and loses every registered device: if it is meant, pass --max-deletes %d, or leave deletes out with --no-delete",
		e.Deletes, limit, e.Deletes)
}

// CheckDeletes returns a [TooManyDeletesError] if the plan deletes more than limit allows.
// A share counts against the number of recorded apps and is rounded down.
func (p *Plan) CheckDeletes(limit manifest.Limit, recorded int) error {
	allowed := limit.Of(recorded)
	if p.Summary.Delete > allowed {
		return &TooManyDeletesError{Deletes: p.Summary.Delete, Limit: limit, Allowed: allowed}
	}
	return nil
}
