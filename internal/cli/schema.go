package cli

import "jpsync/manifest"

type schemaCmd struct{}

// Run prints the schema.
func (schemaCmd) Run(t *terminal) error {
	data, err := manifest.Schema()
	if err != nil {
		return err
	}
	_, err = t.Out.Write(data)
	return err
}
