package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// schema is what the page on the manifest takes from a JSON Schema.
type schema struct {
	Type                 types
	Description          string
	Default              any
	Examples             []any
	Enum                 []any
	Required             []string
	MinLength, MaxLength int
	MaxProperties        int
	Properties           properties
	Items                *schema
	AnyOf                []*schema
	OneOf                []*schema
	Ref                  string             `json:"$ref"`
	Defs                 map[string]*schema `json:"$defs"`
}

// types are the types of a value: one as a string, or several as a list.
type types []string

func (t *types) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(t))
	}
	*t = types{""}
	return json.Unmarshal(data, &(*t)[0])
}

// properties are the keys of a mapping, in the order of the schema.
type properties []property

type property struct {
	Name string
	*schema
}

func (p *properties) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil { // {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		value := &schema{}
		if err := dec.Decode(value); err != nil {
			return err
		}
		*p = append(*p, property{name.(string), value})
	}
	return nil
}

// Part returns what the schema has under a name, as a key or as a definition.
func (s *schema) Part(name string) (*schema, error) {
	if i := slices.IndexFunc(s.Properties, func(p property) bool { return p.Name == name }); i >= 0 {
		return s.Properties[i].schema, nil
	}
	if def := s.Defs[name]; def != nil {
		return def, nil
	}
	return nil, fmt.Errorf("the schema has no %s", name)
}

// Keys are the keys of a mapping. Where one of several is given, these are the keys.
func (s *schema) Keys() []property {
	keys := slices.Clone(s.Properties)
	for _, one := range s.OneOf {
		keys = append(keys, one.Properties...)
	}
	return keys
}

// facts are the type of a key in a mapping, whether it is required, its default and examples.
func facts(k property, mapping *schema) string {
	line := "Type: " + k.kind()
	if len(mapping.OneOf) == 0 && slices.Contains(mapping.Required, k.Name) {
		line += ", required"
	}
	line += "."
	if k.Default != nil {
		line += " Default: " + flow(k.Default) + "."
	}
	var examples []string
	for _, e := range k.Examples {
		examples = append(examples, flow(e))
	}
	if len(examples) > 0 {
		line += " Example: " + strings.Join(examples, " or ") + "."
	}
	return line
}

// kind says what a value may be: "string of 1 to 100 characters or null".
func (s *schema) kind() string {
	var kinds []string
	for _, t := range s.Type {
		switch t {
		case "array":
			t = "list of " + plural(s.Items.kind())
		case "object":
			t = "mapping"
			if len(s.Properties) == 0 {
				t = fmt.Sprintf("mapping of at most %d names to strings", s.MaxProperties)
			}
		case "string":
			t += s.length()
		}
		kinds = append(kinds, t)
	}
	if len(s.Enum) > 0 {
		kinds = nil
		for _, v := range s.Enum {
			kinds = append(kinds, flow(v))
		}
	}
	if s.Ref != "" {
		kinds = append(kinds, kindNames[strings.TrimPrefix(s.Ref, "#/$defs/")])
	}
	for _, one := range s.AnyOf {
		kinds = append(kinds, one.kind())
	}
	return strings.Join(kinds, " or ")
}

func (s *schema) length() string {
	switch {
	case s.MaxLength == 0:
		return ""
	case s.MinLength == 0:
		return fmt.Sprintf(" of at most %d characters", s.MaxLength)
	}
	return fmt.Sprintf(" of %d to %d characters", s.MinLength, s.MaxLength)
}

func plural(kind string) string {
	first, rest, _ := strings.Cut(kind, " ")
	return strings.TrimSpace(first + "s " + rest)
}

// kindNames are what the parts that a schema refers to are called.
var kindNames = map[string]string{
	"app": "app", "certificates": "mapping of certificates", "certificate": "certificate",
	"secret": "secret", "account_secret": "secret",
}

// flow is a value as YAML has it on one line.
func flow(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var pairs []string
		for key, value := range v {
			pairs = append(pairs, key+": "+flow(value))
		}
		slices.Sort(pairs)
		return "{" + strings.Join(pairs, ", ") + "}"
	case []any:
		var values []string
		for _, value := range v {
			values = append(values, flow(value))
		}
		return "[" + strings.Join(values, ", ") + "]"
	}
	return fmt.Sprint(v)
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
