package cli

import "jpsync/manifest"

type schemaCmd struct{}

// Run prints the schema.
func (schemaCmd) Run(t *terminal) error {
	_, err := t.Out.Write(manifest.Schema())
	return err
}
