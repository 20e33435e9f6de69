package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/report"
	"jpsync/state"
)

type verifyCmd struct {
	selectors
	sending
	IDs            []string `arg:"" optional:"" name:"id" complete:"recorded" help:"Only these apps."`
	DeviceEndpoint string   `placeholder:"URL" help:"The Device API (https://device.jpush.cn/v3/)."`
	Format         string   `enum:"text,json,markdown" default:"text" help:"text, json or markdown."`
}

// Validate refuses flags that make no sense.
func (c *verifyCmd) Validate() error { return c.sending.check() }

// Run asks about the recorded apps and prints what came of it.
func (c *verifyCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	w, err := openWorkspace(ctx, t, g, existingState)
	if err != nil {
		return err
	}
	defer w.close()
	ids, err := c.chosen(w)
	if err != nil {
		return err
	}
	devices, err := c.connect(w)
	if err != nil {
		return err
	}
	defer devices.CloseIdleConnections()
	apps, pairs, unreadable := keyPairs(w.state, ids)
	if unreadable > 0 {
		t.warn("%s encrypted and could not be read", report.PluralIs(unreadable, "master secret"))
	}
	res := c.ask(ctx, t, devices, pairs)
	r := report.Verification{Endpoint: devices.Endpoint(), Apps: apps}
	lang := t.out.Lang
	if c.Format == "json" {
		lang = report.English
	}
	r.Answer(res, lang)
	if err := c.print(t, r); err != nil {
		return err
	}
	return verdict(r, res)
}

// verdict returns what the exit code says. An app that could not be asked about, since its
// master secret is not recorded or cannot be decrypted, is no failure.
func verdict(r report.Verification, res *executor.Result) error {
	refused := r.Count(report.PairRefused)
	unanswered := len(res.Steps) - res.Counts.Verified - refused
	switch {
	case res.Stopped != nil && res.Stopped.Reason == executor.StopInterrupted:
		return &exitError{ExitInterrupted, fmt.Errorf("verify: %w", res.Stopped)}
	case refused > 0:
		return exit(ExitPending)
	case res.Stopped != nil:
		return res.Stopped
	case unanswered > 0:
		return fmt.Errorf("%s got no answer that tells", report.Plural(unanswered, "app"))
	}
	return nil
}

// chosen returns the ids of the apps to ask about, sorted.
func (c *verifyCmd) chosen(w *workspace) ([]string, error) {
	for i, id := range c.IDs {
		id, err := recorded(w.state, id)
		if err != nil {
			return nil, err
		}
		c.IDs[i] = id
	}
	selection, err := c.selection()
	if err != nil {
		return nil, err
	}
	if err := selection.Check(w.manifest, w.state, c.IDs...); err != nil {
		return nil, err
	}
	ids := selection.Recorded(w.manifest, w.state)
	if len(c.IDs) > 0 {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(c.IDs, id) })
	}
	return ids, nil
}

// connect makes the client. The master secrets of one service are nothing for another one, so
// an Admin API of somebody's own needs a Device API of its own.
func (c *verifyCmd) connect(w *workspace) (*jpush.Devices, error) {
	options := jpush.Options{Endpoint: c.DeviceEndpoint, Version: version(), Timeout: c.Timeout, MaxConns: c.Parallelism.most}
	switch {
	case w.g.Sandbox:
		var err error
		if options.Transport, err = w.g.simulator(); err != nil {
			return nil, err
		}
		options.Endpoint = sandbox.DeviceEndpoint
	case c.DeviceEndpoint == "" && w.endpoint != jpush.DefaultEndpoint:
		return nil, errors.New("--endpoint is not JPush's: name the Device API that belongs to it with --device-endpoint")
	}
	devices, err := jpush.NewDevices(options)
	if err != nil {
		return nil, fmt.Errorf("--device-endpoint: %w", err)
	}
	return devices, nil
}

// keyPairs returns the key pairs to ask about, and each app with what is known of it without
// asking; unreadable is how many are encrypted and cannot be read. The identity file is only read
// when something is encrypted.
func keyPairs(st *state.State, ids []string) (apps []report.Verified, pairs []executor.Pair, unreadable int) {
	var identities state.Identities
	var unread error
	if encrypted(st.Apps) > 0 {
		identities, unread = readIdentities()
	}
	for _, id := range ids {
		app := st.Apps[id]
		known := report.Verified{App: id, AppKey: app.AppKey, Status: report.PairUnchecked}
		secret, err := identities.Decrypt(app.MasterSecret) // one in clear stays as it is
		switch {
		case err != nil:
			known.Message = "the master secret is encrypted"
			known.Remedy = fmt.Sprintf("%v; name another identity file with %s", err, identityVariable)
			if unread != nil {
				known.Remedy = unread.Error()
			}
			unreadable++
		case secret == "":
			known.Message, known.Remedy = "no master secret is recorded", "nothing but the console has it, for instance of an imported app"
		default:
			pairs = append(pairs, executor.Pair{App: id, AppKey: app.AppKey, MasterSecret: secret})
		}
		apps = append(apps, known)
	}
	return apps, pairs, unreadable
}

// ask sends the requests, with a bar where somebody watches.
func (c *verifyCmd) ask(ctx context.Context, t *terminal, devices *jpush.Devices, pairs []executor.Pair) *executor.Result {
	progress := newProgress(t, len(pairs))
	defer progress.close()
	defer progress.watch(ctx, c.Drain)()
	options := c.options()
	options.OnPace = progress.setPace
	options.OnEvent = func(e executor.Event) {
		progress.count(e)
		if e.Type == executor.Retry {
			progress.show(e)
		}
	}
	return executor.Verify(ctx, pairs, func(ctx context.Context, p executor.Pair) error {
		return devices.Verify(ctx, p.AppKey, p.MasterSecret)
	}, options)
}

func (c *verifyCmd) print(t *terminal, r report.Verification) error {
	switch c.Format {
	case "json":
		return report.VerificationJSON(t.Out, r)
	case "markdown":
		return report.VerificationMarkdown(t.Out, r)
	}
	return report.VerificationText(t.Out, r, t.out)
}
