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
	IDs         []string     `arg:"" optional:"" name:"id" complete:"recorded" help:"Only these apps."`
	Format      outputFormat `default:"table" placeholder:"FORMAT" complete:"format" help:"table, json, dotenv, github, gitlab, gradle, xcconfig, k8s-secret or template=FILE (${default})."`
	Name        string       `env:"JPSYNC_SECRET_NAME" placeholder:"NAME" help:"The name of the Secret that k8s-secret writes."`
	Out         string       `env:"JPSYNC_OUTPUT_OUT" placeholder:"FILE" help:"Write to this file, mode 0600, instead of standard output."`
	ShowSecrets bool         `help:"Include the master secrets."`
}

// outputFormats are the formats besides template=FILE.
var outputFormats = []string{"table", "json", "dotenv", "github", "gitlab", "gradle", "xcconfig", formatSecret}

const (
	formatSecret   = "k8s-secret"
	templatePrefix = "template="
)

// maxTemplateBytes bounds a template.
const maxTemplateBytes = 1 << 20

// outputFormat is one of outputFormats, or template=FILE.
type outputFormat string

// UnmarshalText refuses any other.
func (f *outputFormat) UnmarshalText(text []byte) error {
	name := string(text)
	if file, ok := strings.CutPrefix(name, templatePrefix); ok && file != "" {
		*f = outputFormat(name)
		return nil
	}
	if slices.Contains(outputFormats, name) {
		*f = outputFormat(name)
		return nil
	}
	return fmt.Errorf("unknown format %q: choose one of %s, or template=FILE", name, strings.Join(outputFormats, ", "))
}

// Validate checks --name for the one format that uses it.
func (c *outputCmd) Validate() error {
	if c.Format == formatSecret {
		return report.CheckSecretName(c.Name)
	}
	return nil
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
		if err := c.reveal(t, apps); err != nil {
			return err
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
	text.Grow(len(keys) * 128)
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

// reveal decrypts the master secrets, masks them, and warns of where they may be seen.
func (c *outputCmd) reveal(t *terminal, apps map[string]state.App) error {
	if err := decrypt(apps); err != nil {
		return err
	}
	if c.Out == "" {
		t.warnOfSecrets()
	}
	switch report.KeyFormat(c.Format) {
	case report.KeysGitHub: // deliver masks them where the lines go
		return nil
	case report.KeysGitLab:
		t.warn("GitLab shows a dotenv report to everybody who can see the pipeline: put master secrets into masked variables instead")
	}
	t.maskAll(apps)
	return nil
}

func (c *outputCmd) write(t *terminal, w io.Writer, keys []report.Key) error {
	if c.Format == formatSecret {
		return report.KeysSecret(w, keys, c.Name)
	}
	if path, ok := strings.CutPrefix(string(c.Format), templatePrefix); ok {
		text, err := readFile(path, maxTemplateBytes)
		if err != nil {
			return err
		}
		return report.KeysTemplate(w, keys, path, string(text), c.ShowSecrets)
	}
	format := report.KeyFormat(c.Format)
	if format == report.KeysTable && c.Out == "" {
		return report.KeysText(w, keys, t.out)
	}
	return report.Keys(w, keys, format)
}

// deliver writes the finished text. An error before has left the file as it was.
func (c *outputCmd) deliver(t *terminal, g *globals, store *stateStore, keys []report.Key, text *bytes.Buffer) error {
	path := c.Out
	if report.KeyFormat(c.Format) == report.KeysGitHub {
		for _, key := range keys {
			if err := report.Mask(t.Out, key.MasterSecret); err != nil {
				return fmt.Errorf("the master secrets could not be masked, so none was printed: %w", err)
			}
		}
		if github := os.Getenv("GITHUB_OUTPUT"); path == "" && github != "" {
			if err := appendTo(github, func(w io.Writer) error { _, err := text.WriteTo(w); return err }); err != nil {
				return fmt.Errorf("append to the file that GITHUB_OUTPUT names: %w", err)
			}
			t.info("set the outputs of %s", report.Plural(len(keys), "app"))
			return nil
		}
	}
	if path == "" {
		_, err := text.WriteTo(t.Out)
		return err
	}
	m, err := manifest.Load(g.Manifest, manifest.Options{CertRoot: g.CertRoot})
	if err != nil {
		m = nil // there may be none, and the files that it names are unknown
	}
	if err := g.refuseOverwrite("--out", path, store.files(), m); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("write the app keys: %s is not a regular file, and --out would replace it: redirect the output instead", path)
	}
	if err := writeFile(path, text); err != nil {
		return fmt.Errorf("write the app keys: %w", err)
	}
	t.info("wrote the keys of %s to %s", report.Plural(len(keys), "app"), path)
	return nil
}
