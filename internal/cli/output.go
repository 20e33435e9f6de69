package cli

import (
	"context"
	"fmt"

	"jpsync/internal/report"
)

type outputCmd struct {
	IDs         []string `arg:"" optional:"" name:"id" help:"Only these apps."`
	Format      string   `enum:"json,dotenv,table" default:"table" help:"json, dotenv or table."`
	ShowSecrets bool     `help:"Print the master secrets too."`
}

func (outputCmd) Help() string {
	return `Prints app keys from the state, for the build that needs them. Nothing is sent.

Examples:
  jpsync output
  jpsync output shop --format dotenv >> .env
  jpsync output --format json | jq -r .shop.app_key

Exit codes: 0 done, 1 error, also when an id is not recorded.`
}

// Run prints the keys of some apps or of all.
func (c *outputCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	st, err := readState(ctx, t, g)
	if err != nil {
		return err
	}
	ids := c.IDs
	if len(ids) == 0 {
		ids = sortedIDs(st)
	}
	keys := make([]report.Key, 0, len(ids))
	for _, id := range ids {
		if err := recorded(st, id); err != nil {
			return err
		}
		app := st.Apps[id]
		key := report.Key{ID: id, AppName: app.AppName, AndroidPackage: app.AndroidPackage, AppKey: app.AppKey}
		if c.ShowSecrets {
			key.MasterSecret = app.MasterSecret
		}
		keys = append(keys, key)
	}
	if c.ShowSecrets && isTerminal(t.Out) {
		t.warn("master secrets follow: they let anybody push to every device of the app")
	}
	if err := report.Keys(t.Out, keys, report.KeyFormat(c.Format)); err != nil {
		return fmt.Errorf("print the app keys: %w", err)
	}
	return nil
}
