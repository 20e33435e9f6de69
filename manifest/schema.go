package manifest

import (
	"bytes"
	_ "embed"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of a manifest file, draft 2020-12, as indented JSON. Editors
// use it to complete keys, to explain them and to mark mistakes. What the schema refuses, Load
// refuses. Load also checks what no schema can express, such as that ids are unique.
func Schema() []byte { return bytes.Clone(schema) }
