package manifest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// Schema returns the JSON Schema of a manifest file, draft 2020-12, as indented JSON: for
// editors, which complete keys, show what they mean and mark what is wrong. What it refuses,
// Load refuses; Load also knows what no schema can say, such as that an id stands once.
//
// It is made of the keys that the loader reads and of schemaTable, so that a key which one of
// them lacks is an error.
func Schema() ([]byte, error) {
	root, err := schemaOf(documentShape)
	if err != nil {
		return nil, err
	}
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "jpsync manifest"
	root.Defs = map[string]*jsonschema.Schema{}
	for name, s := range schemaDefs {
		if root.Defs[name], err = schemaOf(s); err != nil {
			return nil, err
		}
	}
	root.Defs["secret"] = secretSchema(placeholderEnv)
	root.Defs["account_secret"] = secretSchema(plainEnv)
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// schemaOf makes the schema of a mapping of a shape.
func schemaOf(s *shape) (*jsonschema.Schema, error) {
	entry, ok := schemaTable[s]
	if !ok {
		return nil, fmt.Errorf("the schema does not describe %s", s.what)
	}
	object := &jsonschema.Schema{
		Type:                 "object",
		Description:          entry.doc,
		Properties:           make(map[string]*jsonschema.Schema, len(s.keys)),
		PropertyOrder:        s.keys,
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}},
	}
	for _, key := range s.keys {
		f, ok := entry.fields[key]
		if !ok {
			return nil, fmt.Errorf("the schema does not describe %q of %s", key, s.what)
		}
		property, err := f.property()
		if err != nil {
			return nil, err
		}
		property.Description = f.doc
		property.Examples = f.examples
		if f.byDefault != "" {
			property.Default = json.RawMessage(f.byDefault)
		}
		object.Properties[key] = property
		if f.required {
			object.Required = append(object.Required, key)
		}
	}
	for key := range entry.fields {
		if !slices.Contains(s.keys, key) {
			return nil, fmt.Errorf("the schema describes %q, which %s cannot have", key, s.what)
		}
	}
	return object, nil
}

// property is the schema of a key's value.
func (f fieldDoc) property() (*jsonschema.Schema, error) {
	if f.of == nil {
		return f.schema.CloneSchemas(), nil
	}
	s, err := schemaOf(f.of)
	if err != nil {
		return nil, err
	}
	return orNull(s), nil
}

// secretSchema is one of {env: NAME} and {file: PATH}.
func secretSchema(env string) *jsonschema.Schema {
	sources := map[string]*jsonschema.Schema{
		"env":  {Type: "string", Pattern: env, MaxLength: jsonschema.Ptr(maxEnvBytes), Description: "The name of the environment variable that holds it.", Examples: []any{"P12_PASSWORD"}},
		"file": fileSchema("The file that holds it, relative to this one; one newline at its end is dropped."),
	}
	s := &jsonschema.Schema{Description: "A reference to a secret, never the secret itself: {env: NAME} or {file: PATH}."}
	for _, key := range secretShape.keys {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{
			Type:                 "object",
			Properties:           map[string]*jsonschema.Schema{key: sources[key]},
			Required:             []string{key},
			AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}},
		})
	}
	return s
}
