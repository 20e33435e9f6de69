package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// selectors are the flags that select apps.
type selectors struct {
	Target  []string `sep:"none" placeholder:"GLOB" complete:"every" help:"Only apps with a matching id (repeatable)."`
	Exclude []string `sep:"none" placeholder:"GLOB" complete:"every" help:"No apps with a matching id (repeatable)."`
	Select  []string `sep:"none" placeholder:"KEY=VALUE" complete:"label" help:"Only apps with this label (repeatable)."`
}

// choices are the flags that shape a plan; plan and apply share them.
type choices struct {
	selectors
	Replace    []string `sep:"none" placeholder:"ID" complete:"recorded" help:"Delete the app and create it again, with a new app key: all its devices are lost (repeatable)."`
	Accept     []string `sep:"none" placeholder:"ID" complete:"recorded" help:"Record the app as the manifest has it, because it was changed in the console; nothing is sent (repeatable)."`
	NoDelete   bool     `help:"Plan no deletes."`
	MaxDeletes *limit   `placeholder:"N|P%" help:"How many apps may be deleted without a typed yes (policy.max_deletes, or 0)."`
	AllowCert  []string `enum:"${codes}" placeholder:"CODE" help:"Treat certificate errors of this code as warnings, for instance expired (repeatable)."`
}

// maxDeletes is how many apps may be deleted without a typed yes: the flag, else the policy.
func (c *choices) maxDeletes(m *manifest.Manifest) manifest.Limit {
	if c.MaxDeletes != nil {
		return c.MaxDeletes.Limit
	}
	return m.Policy.MaxDeletes
}

// selection parses the flags. A label has one value, so two values for one key match nothing.
func (c *selectors) selection() (planner.Selection, error) {
	if slices.Contains(c.Target, "") || slices.Contains(c.Exclude, "") {
		return planner.Selection{}, errors.New("--target and --exclude take a pattern, and this one is empty: perhaps a variable was not set")
	}
	labels := make(map[string]string, len(c.Select))
	for _, text := range c.Select {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return planner.Selection{}, fmt.Errorf("--select %s: it takes KEY=VALUE", text)
		}
		if before, twice := labels[key]; twice && before != value {
			return planner.Selection{}, fmt.Errorf("--select %s: %s=%s is selected already, and no app has two values of one label", text, key, before)
		}
		labels[key] = value
	}
	return planner.Selection{Targets: c.Target, Excludes: c.Exclude, Labels: labels}, nil
}

// planInput is what a plan without choices is made from, except the certificates.
func (w *workspace) planInput() planner.Input {
	return planner.Input{
		Manifest: w.manifest,
		State:    w.state,
		Endpoint: w.endpoint,
		Account:  cmp.Or(w.account(), w.state.Account),
		Version:  version(),
		Now:      time.Now(),
		Options:  planner.Options{Rehearsal: w.g.Sandbox},
		Flags:    w.g.sameFlags(),
	}
}

// input is planInput with the choices.
func (c *choices) input(w *workspace) (planner.Input, error) {
	selection, err := c.selection()
	if err != nil {
		return planner.Input{}, err
	}
	spell := planner.Spelling(w.state)
	for _, ids := range [][]string{c.Replace, c.Accept} {
		for i := range ids {
			ids[i] = spell(ids[i])
		}
	}
	if err := selection.Check(w.manifest, w.state, append(slices.Clone(c.Replace), c.Accept...)...); err != nil {
		return planner.Input{}, err
	}
	in := w.planInput()
	in.Options.Selection = selection
	in.Options.Replace = c.Replace
	in.Options.Accept = c.Accept
	in.Options.NoDelete = c.NoDelete
	in.Options.AllowCert = c.AllowCert
	return in, nil
}

// build plans with the choices.
func (c *choices) build(ctx context.Context, w *workspace) (*planner.Plan, error) {
	in, err := c.input(w)
	if err != nil {
		return nil, err
	}
	return buildPlan(ctx, w, in)
}

// buildPlan inspects the certificates and plans.
func buildPlan(ctx context.Context, w *workspace, in planner.Input) (*planner.Plan, error) {
	var err error
	if in.Certificates, err = inspectAll(ctx, w.files, w.manifest, w.state); err != nil {
		return nil, err
	}
	p, err := planner.Build(in)
	if ctx.Err() != nil {
		return nil, errInterruptedPlanning
	}
	return p, err
}

// errInterruptedPlanning ends a command that was interrupted before anything was sent.
var errInterruptedPlanning = &exitError{ExitInterrupted, errors.New("interrupted while planning, nothing was sent")}

// inspectAll inspects every certificate of a manifest; files that st has recorded are not opened.
// Its only error is errInterruptedPlanning.
func inspectAll(ctx context.Context, files *manifest.Files, m *manifest.Manifest, st *state.State) (planner.Inspector, error) {
	all := inspections{certificates{files}, map[inspectKey]*inspection{}}
	var work []func()
	for i := range m.Apps {
		app := &m.Apps[i]
		for env, cert := range app.Certificates {
			known := st.Apps[app.ID].Certificates.Of(env).FileSHA256
			key := keyOf(cert, known)
			if all.done[key] == nil {
				in := &inspection{cert: cert}
				all.done[key] = in
				work = append(work, func() { in.seen, in.err = all.inspect(cert, known) })
			}
		}
	}
	return all, onAllCores(ctx, work)
}

// inspections are the certificate files of a manifest, inspected before planning.
type inspections struct {
	certificates
	done map[inspectKey]*inspection
}

// inspectKey tells apart what there is to inspect. Apps that share a file share its
// inspection.
type inspectKey struct{ file, path, passwordEnv, passwordPath, known string }

type inspection struct {
	cert manifest.Certificate
	seen planner.Inspection
	err  error
}

func keyOf(cert manifest.Certificate, known string) inspectKey {
	key := inspectKey{file: cert.File, path: cert.Path, known: known}
	if p := cert.Password; p != nil {
		key.passwordEnv, key.passwordPath = p.Env, p.Path
	}
	return key
}

// Inspect implements [planner.Inspector].
func (all inspections) Inspect(cert manifest.Certificate, known string) (planner.Inspection, error) {
	in := all.done[keyOf(cert, known)]
	if in == nil || in.err != nil && in.cert.Pos != cert.Pos {
		return all.inspect(cert, known) // it is asked for the first time, or the error names another place
	}
	return in.seen, in.err
}

// onAllCores does work side by side. Its only error is errInterruptedPlanning.
func onAllCores(ctx context.Context, work []func()) error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, do := range work {
		group.Go(func() error {
			if ctx.Err() == nil {
				do()
			}
			return ctx.Err()
		})
	}
	if group.Wait() != nil {
		return errInterruptedPlanning
	}
	return nil
}
