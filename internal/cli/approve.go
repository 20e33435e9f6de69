package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"jpsync/planner"
)

// approve makes sure that somebody wants the plan carried out: a saved plan was reviewed
// when it was saved; --auto-approve covers everything but deletes; otherwise a person has
// to type the word.
func (a *application) approve(ctx context.Context) error {
	if a.PlanFile != "" {
		if a.MaxDeletes == nil {
			return nil
		}
		return a.plan.CheckDeletes(a.MaxDeletes.Limit, len(a.run.State().Apps))
	}
	if a.AutoApprove {
		return a.plan.CheckDeletes(a.maxDeletes(a.w.manifest), len(a.run.State().Apps))
	}
	if !a.t.ask {
		return refused(errors.New("nobody approved the plan and there is no terminal to ask at, so nothing was sent: pass --auto-approve, or apply a plan saved by jpsync plan --out"))
	}
	if len(a.plan.Actions) > 0 {
		// Nobody should read a plan and say yes to it, only to hear of a missing variable.
		if _, _, err := a.w.credentials(); err != nil {
			return err
		}
	}
	return a.question(ctx)
}

// mostNamed is how many deletes the question names; the plan above it has them all.
const mostNamed = 20

// question asks, deletes first.
func (a *application) question(ctx context.Context) error {
	w := a.t.Err
	var gone []planner.Change
	for _, c := range a.plan.Actions {
		if c.Action == planner.Delete {
			gone = append(gone, c)
		}
	}
	if len(gone) > 0 {
		fmt.Fprintln(w)
		fmt.Fprintln(w, a.t.err.Wrap("", "", fmt.Sprintf("This deletes %d of the account's apps. Their registered devices are lost for good:", len(gone))))
		for _, c := range gone[:min(mostNamed, len(gone))] {
			fmt.Fprintln(w, a.t.err.Wrap("  - ", "      ", fmt.Sprintf("%s  %s  app key %s", c.App, c.AndroidPackage, c.AppKey)))
		}
		if n := len(gone) - mostNamed; n > 0 {
			fmt.Fprintf(w, "  and %d more, see the plan\n", n)
		}
	}
	fmt.Fprintf(w, "\nType yes to apply this plan: ")
	answer, err := readLine(ctx, a.t.In)
	if err != nil {
		fmt.Fprintln(w)
		return err
	}
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("not approved, nothing was sent")
	}
	return nil
}

// readLine waits for a line or for ctx, whichever comes first. The reader of a line that
// never came ends with the process.
func readLine(ctx context.Context, r io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	c := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(r).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		c <- answer{line, err}
	}()
	select {
	case a := <-c:
		return a.line, a.err
	case <-ctx.Done():
		return "", &exitError{ExitInterrupted, errors.New("interrupted, nothing was sent")}
	}
}
