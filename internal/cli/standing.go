package cli

import (
	"errors"
	"fmt"

	"jpsync/internal/jpush"
	"jpsync/planner"
)

// mostTold is how many of one kind an error lists.
const mostTold = 20

// standing returns an error for what stands in a plan's way, or nil. Where a person has the
// plan before their eyes it only counts; elsewhere it tells, since standard output may be a
// file, or for a program. Conflicts come before certificate errors: nothing of a plan that
// has one is applied.
func standing(p *planner.Plan, legible bool) error {
	if n := len(p.Conflicts); n > 0 {
		told := make([]string, n)
		for i, c := range p.Conflicts {
			told[i] = c.App + ": " + c.Message
		}
		return refused(obstacles(told, "conflict", legible))
	}
	if n := len(p.Errors); n > 0 {
		told := make([]string, n)
		for i, e := range p.Errors {
			told[i] = problem(e)
		}
		return obstacles(told, "certificate error", legible)
	}
	return nil
}

// obstacles makes one error of several.
func obstacles(told []string, what string, legible bool) error {
	n := len(told)
	if legible {
		return fmt.Errorf("%s, see above", plural(n, what))
	}
	var errs []error
	for _, text := range told[:min(mostTold, n)] {
		errs = append(errs, errors.New(text))
	}
	if n > mostTold {
		errs = append(errs, fmt.Errorf("and %s, see the plan", plural(n-mostTold, "more "+what)))
	}
	return errors.Join(errs...)
}

// problem is a problem's text with what it is about.
func problem(p planner.Problem) string {
	return place(p.App, p.Environment) + ": " + p.Text()
}

// place names an app, or its certificate for an environment.
func place(app string, env jpush.Environment) string {
	if env == "" {
		return app
	}
	return app + " " + string(env)
}
