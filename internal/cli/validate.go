package cli

import (
	"context"
	"fmt"

	"jpsync/internal/report"
)

type validateCmd struct {
	AllowCert []string `enum:"${codes}" placeholder:"CODE" help:"Treat certificate errors of this code as warnings, for instance expired (repeatable)."`
}

// Run plans against an empty state, so that every certificate is opened, and prints what is
// wrong.
func (c *validateCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	w, err := openWorkspace(ctx, t, g, noState)
	if err != nil {
		return new(reporting).unplanned(t, g, "validate", err)
	}
	defer w.close()
	in := w.planInput()
	in.Options.AllowCert = c.AllowCert
	p, err := buildPlan(ctx, w, in)
	if err != nil {
		return err
	}
	t.actions.remark(w.manifest, p)
	if err := report.ProblemsText(t.Out, p, t.out); err != nil {
		return err
	}
	if err := obstacles(p, true); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Out, "%s is valid: %s, %s\n", w.manifest.Path, report.Plural(p.Summary.Create, "app"), report.Plural(p.Summary.Upload, "certificate"))
	return err
}
