package manifest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func resolved(t testing.TB) *jsonschema.Resolved {
	t.Helper()
	data, err := Schema()
	require.NoError(t, err)
	var s jsonschema.Schema
	require.NoError(t, json.Unmarshal(data, &s))
	r, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	require.NoError(t, err)
	return r
}

// instance is a YAML text as JSON has it, which is what a schema is about.
func instance(text []byte) (v any, err error) {
	if err := yaml.Unmarshal(text, &v); err != nil {
		return nil, err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	v = nil
	err = json.Unmarshal(data, &v)
	return v, err
}

func TestSchemaIsWhatIsPublished(t *testing.T) {
	data, err := Schema()
	require.NoError(t, err)
	golden := filepath.Join("testdata", "schema.json")
	if *update {
		require.NoError(t, os.WriteFile(golden, data, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(data))
	for range 5 {
		again, err := Schema()
		require.NoError(t, err)
		require.Equal(t, string(data), string(again), "the same at each run")
	}
}

// A key that the loader learns has to be described, and nothing else is.
func TestSchemaAndLoaderHaveTheSameKeys(t *testing.T) {
	have := documentShape.keys
	defer func() { documentShape.keys = have }()
	documentShape.keys = append([]string{"news"}, have...)
	_, err := Schema()
	require.ErrorContains(t, err, `"news"`)
	documentShape.keys = have[1:]
	_, err = Schema()
	require.ErrorContains(t, err, `"version"`)
	documentShape.keys = have
	for _, key := range includedShape.keys {
		assert.Contains(t, documentShape.keys, key)
	}
	var s jsonschema.Schema
	data, err := Schema()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &s))
	var sources []string
	for _, one := range s.Defs["secret"].OneOf {
		sources = append(sources, one.Required...)
	}
	assert.Equal(t, secretShape.keys, sources)
}

func TestSchemaTakesEveryExample(t *testing.T) {
	schema := resolved(t)
	files, err := filepath.Glob(filepath.Join("..", "examples", "*", "*.yaml"))
	require.NoError(t, err)
	files = append(files, filepath.Join("..", "internal", "cli", "template.yaml"))
	require.Greater(t, len(files), 2)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		v, err := instance(text)
		require.NoError(t, err, file)
		assert.NoError(t, schema.Validate(v), file)
	}
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(readme), "```yaml\nversion: 1")
	text, _, found := strings.Cut(after, "```")
	require.True(t, found)
	v, err := instance([]byte("version: 1" + text))
	require.NoError(t, err)
	assert.NoError(t, schema.Validate(v))
}

// beyond are the broken manifests whose fault is none of structure: another entry or file
// has to be known, or placeholders to be filled, or a second document follows, or the
// encoding is at fault.
var beyond = map[string]bool{
	"duplicate-ids.yaml": true, "duplicate-packages.yaml": true, "no-apps.yaml": true, "placeholder-escape.yaml": true,
	"merge-itself.yaml": true, "text-after-end.yaml": true, "two-documents.yaml": true, "utf16.yaml": true,
}

func TestSchemaRefusesBrokenManifests(t *testing.T) {
	schema := resolved(t)
	files, err := filepath.Glob(filepath.Join("testdata", "broken", "*.yaml"))
	require.NoError(t, err)
	refused := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		v, err := instance(text)
		if err != nil {
			continue // no YAML at all, or none that has a JSON form
		}
		if beyond[filepath.Base(file)] {
			assert.NoError(t, schema.Validate(v), file)
			continue
		}
		if assert.Error(t, schema.Validate(v), file) {
			refused++
		}
	}
	require.Greater(t, refused, 20)
}
