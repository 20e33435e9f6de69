package cli

import "jpsync/manifest"

type schemaCmd struct{}

func (schemaCmd) Help() string {
	return `Prints the JSON Schema of the manifest, draft 2020-12, for editors: those that have a YAML language
server then complete keys, explain them and mark mistakes. The first line of a manifest names the
file; jpsync init writes that line.

Examples:
  jpsync schema > jpsync.schema.json
  sed -i '1i # yaml-language-server: $schema=jpsync.schema.json' jpsync.yaml

Exit codes: 0 done, 1 error.`
}

// Run prints the schema.
func (schemaCmd) Run(t *terminal) error {
	data, err := manifest.Schema()
	if err != nil {
		return err
	}
	_, err = t.Out.Write(data)
	return err
}
