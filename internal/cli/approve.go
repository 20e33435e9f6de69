package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"jpsync/internal/report"
	"jpsync/planner"
)

// approve makes sure that somebody wants the plan applied. A saved plan was reviewed when it
// was saved, and --max-deletes bounds it if that is given. --auto-approve covers everything but deletes, and otherwise a person must type
// yes.
func (a *applying) approve(ctx context.Context) error {
	switch {
	case a.PlanFile != "" && a.MaxDeletes == nil:
		return nil
	case a.PlanFile != "" || a.AutoApprove:
		if err := a.plan.CheckDeletes(a.maxDeletes(a.w.manifest), len(a.w.state.Apps)); err != nil {
			return refused(err)
		}
		return nil
	case !a.t.ask:
		return refused(errors.New("nobody approved the plan and there is no terminal to ask at, so nothing was sent: pass --auto-approve, or apply a plan saved by jpsync plan --out"))
	}
	if len(a.plan.Changes) > 0 {
		// Report a missing variable before a person reads the plan, not after the yes.
		if _, _, err := a.w.credentials(); err != nil {
			return err
		}
	}
	return a.question(ctx)
}

// mostNamed is how many deletes the question names. The plan above it has all of them.
const mostNamed = 20

// question asks, deletes first.
func (a *applying) question(ctx context.Context) error {
	w := a.t.Err
	var deletes []planner.Change
	for _, c := range a.plan.Changes {
		if c.Action == planner.Delete {
			deletes = append(deletes, c)
		}
	}
	if len(deletes) > 0 {
		fmt.Fprintln(w)
		fmt.Fprintln(w, a.t.err.Wrap("", "", fmt.Sprintf("This deletes %d of the account's apps. Their registered devices are lost for good:", len(deletes))))
		for _, c := range deletes[:min(mostNamed, len(deletes))] {
			fmt.Fprintln(w, a.t.err.Wrap("  - ", "      ", report.Printable(fmt.Sprintf("%s  %s  app key %s", c.App, c.AndroidPackage, c.AppKey))))
		}
		if n := len(deletes) - mostNamed; n > 0 {
			fmt.Fprintf(w, "  and %d more, see the plan\n", n)
		}
	}
	return a.t.typedYes(ctx, "apply this plan", errors.New("not approved, nothing was sent: only yes approves"))
}

// confirm asks whether to do something to the state, which flag does without a question.
func (t *terminal) confirm(ctx context.Context, what, flag string) error {
	if !t.ask {
		return refused(errors.New("nobody approved this and there is no terminal to ask at, so nothing was changed: pass " + flag))
	}
	return t.typedYes(ctx, what, refused(errors.New("not approved, nothing was changed: only yes approves")))
}

// typedYes asks, and waits for a line or for ctx. It returns refusal if the line is not yes.
func (t *terminal) typedYes(ctx context.Context, what string, refusal error) error {
	fmt.Fprintf(t.Err, "\nType yes to %s: ", what)
	line, err := await(ctx, func() (string, error) {
		line, err := bufio.NewReader(t.In).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return line, err
	})
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(t.Err)
		return &exitError{ExitInterrupted, errors.New("interrupted, nothing was sent")}
	case err == nil && strings.TrimSpace(line) != "yes":
		return refusal
	}
	return err
}

// typedPassword reads a line that is not shown. The terminal shows what is typed again, also when ctx
// is done first.
func (t *terminal) typedPassword(ctx context.Context) (string, error) {
	before, err := term.GetState(fd(t.In))
	if err != nil {
		return "", err
	}
	defer term.Restore(fd(t.In), before)
	return await(ctx, func() (string, error) {
		typed, err := term.ReadPassword(fd(t.In))
		return string(typed), err
	})
}

// await returns what a person typed, or the error of ctx once that is done. The goroutine that reads
// cannot be stopped and ends with the process.
func await(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		line string
		err  error
	}
	c := make(chan answer, 1)
	go func() {
		line, err := read()
		c <- answer{line, err}
	}()
	select {
	case a := <-c:
		return a.line, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
