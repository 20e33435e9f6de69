package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/state"
)

type outputCmd struct {
	IDs         []string `arg:"" optional:"" name:"id" complete:"recorded" help:"Only these apps."`
	Format      string   `default:"table" placeholder:"FORMAT" complete:"format" help:"table, json, dotenv, github, gitlab, gradle, xcconfig, k8s-secret or template=FILE (${default})."`
	Name        string   `env:"JPSYNC_SECRET_NAME" placeholder:"NAME" help:"The name of the Secret that k8s-secret writes."`
	Out         string   `env:"JPSYNC_OUTPUT_OUT" placeholder:"FILE" help:"Write to this file, mode 0600, instead of standard output."`
	ShowSecrets bool     `help:"Include the master secrets."`
}

// Validate checks the format, and --name for the one format that uses it.
func (c *outputCmd) Validate() error {
	file, isTemplate := strings.CutPrefix(c.Format, report.TemplatePrefix)
	switch {
	case c.Format == "k8s-secret":
		return report.CheckSecretName(c.Name)
	case isTemplate && file != "", slices.Contains(report.KeyFormats, c.Format):
		return nil
	}
	return fmt.Errorf("--format or JPSYNC_FORMAT: unknown format %q: choose one of %s, or template=FILE", c.Format, strings.Join(report.KeyFormats, ", "))
}

// Run writes the keys of some apps or of all.
func (c *outputCmd) Run(ctx context.Context, t *terminal, g *globals, store *stateStore) error {
	st, err := store.existing(ctx)
	if err != nil {
		return err
	}
	ids, apps, err := c.chosen(st)
	if err != nil {
		return err
	}
	if c.ShowSecrets {
		if err := decrypt(apps); err != nil {
			return err
		}
		if c.Out == "" {
			t.warnOfSecrets()
		}
		if c.Format == "gitlab" {
			t.warn("GitLab shows a dotenv report to everybody who can see the pipeline: put master secrets into masked variables instead")
		}
	}
	keys := make([]report.Key, len(ids))
	for i, id := range ids {
		app := apps[id]
		keys[i] = report.Key{ID: id, AppName: app.AppName, AndroidPackage: app.AndroidPackage, AppKey: app.AppKey}
		if c.ShowSecrets {
			keys[i].MasterSecret = app.MasterSecret
		}
	}
	var text bytes.Buffer
	if err := c.write(t, &text, keys); err != nil {
		return fmt.Errorf("print the app keys as %s: %w", c.Format, err)
	}
	return c.deliver(t, g, store, keys, &text)
}

// chosen returns the apps that are asked for, each once and in that order; all if none is named.
func (c *outputCmd) chosen(st *state.State) (ids []string, apps map[string]state.App, err error) {
	if len(c.IDs) == 0 {
		return sortedKeys(st.Apps), st.Apps, nil
	}
	apps = make(map[string]state.App, len(c.IDs))
	for _, id := range c.IDs {
		if id, err = recorded(st, id); err != nil {
			return nil, nil, err
		}
		if _, twice := apps[id]; !twice {
			ids = append(ids, id)
			apps[id] = st.Apps[id]
		}
	}
	return ids, apps, nil
}

// maxTemplateBytes bounds a template.
const maxTemplateBytes = 1 << 20

func (c *outputCmd) write(t *terminal, w io.Writer, keys []report.Key) error {
	options := report.KeyOptions{SecretName: c.Name, Secrets: c.ShowSecrets}
	if c.Out == "" {
		options.Style = t.out
	}
	if path, ok := strings.CutPrefix(c.Format, report.TemplatePrefix); ok {
		text, err := readFile(path, maxTemplateBytes)
		if err != nil {
			return err
		}
		options.Template = string(text)
	}
	return report.Keys(w, keys, c.Format, options)
}

// deliver writes the finished text. Before that, GitHub Actions is told to mask what it holds.
func (c *outputCmd) deliver(t *terminal, g *globals, store *stateStore, keys []report.Key, text *bytes.Buffer) error {
	outputs := ""
	if c.Format == "github" {
		outputs = os.Getenv("GITHUB_OUTPUT")
	}
	switch {
	case c.Out != "":
		return c.replace(t, g, store, keys, text)
	case outputs != "":
		t.maskKeys(keys)
		if err := appendTo(outputs, func(w io.Writer) error { _, err := text.WriteTo(w); return err }); err != nil {
			return fmt.Errorf("append to the file that GITHUB_OUTPUT names: %w", err)
		}
		t.info("set the outputs of %s", report.Plural(len(keys), "app"))
		return nil
	case c.Format == "github": // the commands stand right before the lines, which hold the same
		for _, key := range keys {
			if err := report.Mask(t.Out, key.MasterSecret); err != nil {
				return fmt.Errorf("the master secrets could not be masked, so none was printed: %w", err)
			}
		}
	default:
		t.maskKeys(keys)
	}
	_, err := text.WriteTo(t.Out)
	return err
}

// replace writes the finished text to the file of --out. An error leaves the file as it was.
func (c *outputCmd) replace(t *terminal, g *globals, store *stateStore, keys []report.Key, text *bytes.Buffer) error {
	m, err := manifest.Load(g.Manifest, manifest.Options{CertRoot: g.CertRoot})
	if err != nil {
		m = nil // there may be none, and the files that it names are unknown
	}
	if err := g.refuseOverwrite("--out", c.Out, store.files(), m); err != nil {
		return err
	}
	if info, err := os.Stat(c.Out); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("write the app keys: %s is not a regular file, and --out would replace it: redirect the output instead", c.Out)
	}
	t.maskKeys(keys)
	if err := state.WriteFile(c.Out, text.Bytes()); err != nil {
		return fmt.Errorf("write the app keys: %w", err)
	}
	t.info("wrote the keys of %s to %s", report.Plural(len(keys), "app"), c.Out)
	return nil
}

// maskKeys has GitHub Actions mask the master secrets among some keys.
func (t *terminal) maskKeys(keys []report.Key) {
	for _, key := range keys {
		t.actions.mask(key.MasterSecret)
	}
}
