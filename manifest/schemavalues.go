package manifest

import (
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// The patterns below are what the checks of names.go, limit.go and template.go come to. They
// keep to what Go's regular expressions and ECMAScript's have in common, and where these
// cannot say a rule they let too much pass, never too little: an editor that marks what
// jpsync accepts would be worse than one that misses something.
const (
	visible        = `[^\x00-\x1f\x7f-\x9f]`
	visibleEdge    = `[^\s\x00-\x1f\x7f-\x9f]`
	textPattern    = `^` + visibleEdge + `(` + visible + `*` + visibleEdge + `)?$`
	labelKey       = `^[^\s\x00-\x1f\x7f-\x9f=,]([^\x00-\x1f\x7f-\x9f=,]*[^\s\x00-\x1f\x7f-\x9f=,])?$`
	labelValue     = `^(` + visibleEdge + `(` + visible + `*` + visibleEdge + `)?)?$`
	packagePattern = `^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`
	bundlePattern  = `^(-+\.)*-*[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*$`
	sharePattern   = `^0*(100|[0-9]{1,2})%$`
	durationUnit   = `(ns|us|µs|μs|ms|s|m|h|d|w)` // both characters that are written for micro
	envFirst       = `[^\x00-\x40\x5b-\x5e\x60\x7b-\x9f]`
	envNext        = `[^\x00-\x2c\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x9f]`
	plainEnv       = `^` + envFirst + envNext + `*$`
	notRelative    = `^([/\\]|[A-Za-z]:)|/$`
)

var (
	placeholder     = `\$\{(` + strings.Join(placeholders, "|") + `)\}`
	placeholderEnv  = `^(` + envFirst + `|` + placeholder + `)(` + envNext + `|` + placeholder + `)*$`
	pathPattern     = `^([^$\x00-\x1f\x7f-\x9f]|\$[^{\x00-\x1f\x7f-\x9f]|\$$|` + placeholder + `)*$`
	durationPattern = `^(0|[0-9]+(\.[0-9]*)?` + durationUnit + `(([0-9]+(\.[0-9]*)?|\.[0-9]+)` + durationUnit + `)*)$`
)

func textSchema(limit int) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: textPattern, MinLength: jsonschema.Ptr(1), MaxLength: jsonschema.Ptr(limit)}
}

// fileSchema is a path with placeholders.
func fileSchema(doc string) *jsonschema.Schema {
	s := pathSchema()
	s.Description, s.Pattern = doc, pathPattern
	return s
}

func pathSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "string", MinLength: jsonschema.Ptr(1), MaxLength: jsonschema.Ptr(maxPathBytes),
		Not: &jsonschema.Schema{Pattern: notRelative},
	}
}

// orNull lets a key be there without a value, which is the same as no key.
func orNull(s *jsonschema.Schema) *jsonschema.Schema {
	switch {
	case s.Type != "" && s.Enum == nil:
		s.Types, s.Type = []string{s.Type, "null"}, ""
		return s
	default:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Type: "null"}}}
	}
}

// anyOf makes texts the values of an enum.
func anyOf(values []string) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

func ref(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/" + name} }

func limitSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "integer", Minimum: jsonschema.Ptr(0.0), Maximum: jsonschema.Ptr(float64(maxLimit))},
		{Type: "string", Pattern: sharePattern},
		{Type: "null"},
	}}
}

func durationSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string", Pattern: durationPattern},
		{Type: "integer", Enum: []any{0}},
		{Type: "null"},
	}}
}

func labelsSchema() *jsonschema.Schema {
	return orNull(&jsonschema.Schema{
		Type: "object", MaxProperties: jsonschema.Ptr(maxLabels),
		PropertyNames:        &jsonschema.Schema{Pattern: labelKey, MaxLength: jsonschema.Ptr(maxLabelRunes)},
		AdditionalProperties: &jsonschema.Schema{Type: "string", Pattern: labelValue, MaxLength: jsonschema.Ptr(maxLabelRunes)},
	})
}
