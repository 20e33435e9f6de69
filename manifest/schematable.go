package manifest

import (
	"math"

	"github.com/google/jsonschema-go/jsonschema"
)

// maxLimit is the largest count that ParseLimit reads.
const maxLimit = math.MaxInt32

// described is a mapping as the schema tells of it.
type described struct {
	doc    string
	fields map[string]fieldDoc
}

// fieldDoc is one key of a mapping.
type fieldDoc struct {
	doc       string
	schema    *jsonschema.Schema
	of        *shape // in place of schema: a mapping that stands here alone
	required  bool
	byDefault string // JSON
	examples  []any
}

// schemaDefs names the mappings that stand in several places.
var schemaDefs = map[string]*shape{
	"app":          appShape,
	"certificates": certificatesShape,
	"certificate":  certificateShape,
}

// schemaTable describes each mapping of a manifest: its keys are those of the shape.
var schemaTable = map[*shape]described{
	documentShape: {"The apps of one JPush account, and the APNs push certificates that they carry.", map[string]fieldDoc{
		"version":  {doc: "The version of the format.", schema: &jsonschema.Schema{Type: "integer", Enum: []any{1}}, required: true},
		"account":  {doc: "Where the account's credentials are.", of: accountShape},
		"policy":   {doc: "What an apply may do without being told to.", of: policyShape},
		"defaults": {doc: "What every app has that does not say otherwise.", of: defaultsShape},
		"include": {
			doc:      "Patterns of files with more apps, relative to this file and below its directory.",
			schema:   orNull(&jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "string", MinLength: jsonschema.Ptr(1), MaxLength: jsonschema.Ptr(maxPathBytes)}}),
			examples: []any{[]any{"teams/*.yaml"}},
		},
		"apps": {
			doc:      "The apps that are to exist.",
			schema:   orNull(&jsonschema.Schema{Type: "array", Items: ref("app")}),
			examples: []any{[]any{map[string]any{"id": "shop", "app_name": "商城", "android_package": "cn.example.shop"}}},
		},
		"apps_from": {doc: "A CSV file with more apps: its first line names the columns as an app's fields are named.", of: appsFromShape},
	}},
	appsFromShape: {"", map[string]fieldDoc{
		"csv": {
			doc:    "The CSV file, relative to this file and below the manifest's directory.",
			schema: &jsonschema.Schema{Type: "string", MinLength: jsonschema.Ptr(1), MaxLength: jsonschema.Ptr(maxPathBytes)}, required: true,
			examples: []any{"apps.csv"},
		},
		"encoding": {
			doc:       "Its encoding; gb18030 is what Excel writes in China.",
			schema:    orNull(&jsonschema.Schema{Type: "string", Enum: []any{UTF8, GB18030}}),
			byDefault: `"utf-8"`,
		},
		"apps_from": {
			doc: "A CSV file with more apps, whose columns are named like the keys of an app.",
			of:  appsFromShape, examples: []any{map[string]any{"csv": "apps.csv"}},
		},
	}},
	appsFromShape: {"", map[string]fieldDoc{
		"csv": {doc: "The file, relative to this one and below the manifest's directory.", schema: pathSchema(), required: true, examples: []any{"apps.csv"}},
		"encoding": {
			doc:       "How its text is encoded: gb18030 is what Excel writes in China.",
			schema:    orNull(&jsonschema.Schema{Type: "string", Enum: anyOf(encodings)}),
			byDefault: `"` + UTF8 + `"`,
		},
	}},
	accountShape: {"", map[string]fieldDoc{
		"dev_key":    {doc: "The dev_key of the account page.", schema: orNull(ref("account_secret")), byDefault: `{"env":"JPUSH_DEV_KEY"}`},
		"dev_secret": {doc: "The dev_secret of the account page.", schema: orNull(ref("account_secret")), byDefault: `{"env":"JPUSH_DEV_SECRET"}`},
	}},
	policyShape: {"", map[string]fieldDoc{
		"max_deletes": {
			doc:       "How many apps, or what share of the recorded ones, an apply may delete without a typed yes.",
			schema:    limitSchema(),
			byDefault: "0", examples: []any{2, "5%"},
		},
		"on_existing": {
			doc:       "What to do about an app that JPush has already: adopt records it, fail makes it an error.",
			schema:    orNull(&jsonschema.Schema{Type: "string", Enum: anyOf([]string{string(Adopt), string(Fail)})}),
			byDefault: `"adopt"`,
		},
		"renew_before": {
			doc:       "Warn about certificates that expire sooner: a length of time with the units w, d, h, m and s.",
			schema:    durationSchema(),
			byDefault: `"30d"`, examples: []any{"30d", "2w", "1d12h"},
		},
	}},
	defaultsShape: {"", map[string]fieldDoc{
		"group_name":   {doc: "The group of apps that name none.", schema: orNull(textSchema(maxNameRunes)), examples: []any{"Retail"}},
		"certificates": {doc: "The push certificates of apps that have no other.", schema: orNull(ref("certificates"))},
	}},
	appShape: {"One app.", map[string]fieldDoc{
		"id": {
			doc:    "The stable name, which joins this entry with what is recorded of the app. Without one it is app_name, which then cannot change.",
			schema: textSchema(maxIDRunes), examples: []any{"shop"},
		},
		"app_name": {doc: "The name that JPush shows. The API cannot change it later.", schema: textSchema(maxNameRunes), required: true, examples: []any{"商城"}},
		"android_package": {
			doc:      "The Android package: two or more segments of letters, digits and underscores. It cannot change later.",
			schema:   &jsonschema.Schema{Type: "string", Pattern: packagePattern, MaxLength: jsonschema.Ptr(maxPackageBytes)},
			required: true, examples: []any{"cn.example.shop"},
		},
		"group_name": {doc: "The app group; null for none, in spite of the defaults.", schema: orNull(textSchema(maxNameRunes)), examples: []any{"Retail"}},
		"bundle_id": {
			doc:      "The iOS bundle ID. With it, certificates have to be for it.",
			schema:   orNull(&jsonschema.Schema{Type: "string", Pattern: bundlePattern, MaxLength: jsonschema.Ptr(maxBundleBytes)}),
			examples: []any{"cn.example.shop.ios"},
		},
		"labels":       {doc: "Names and values of your own, for --select.", schema: labelsSchema(), examples: []any{map[string]any{"team": "retail"}}},
		"protect":      {doc: "Whether the app is never deleted or replaced. Adopted apps are protected until this is false.", schema: orNull(&jsonschema.Schema{Type: "boolean"})},
		"certificates": {doc: "The app's push certificates; null for none, in spite of the defaults.", schema: orNull(ref("certificates"))},
	}},
	certificatesShape: {"The push certificates by environment.", map[string]fieldDoc{
		"development": {doc: "For builds from Xcode; null switches a default off.", schema: orNull(ref("certificate"))},
		"production":  {doc: "For the App Store, TestFlight and ad hoc builds; null switches a default off.", schema: orNull(ref("certificate"))},
	}},
	certificateShape: {"A push certificate with its private key.", map[string]fieldDoc{
		"file": {
			doc:    "The .p12 file, relative to this file and below the certificate root; ${id}, ${app_name} and ${android_package} are filled in.",
			schema: fileSchema(""), required: true, examples: []any{"certs/shop.p12", "certs/${id}.p12"},
		},
		"password": {doc: "Where its password is; left out for a file without one.", schema: orNull(ref("secret")), examples: []any{map[string]any{"env": "P12_PASSWORD"}}},
	}},
}
