package manifest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// labelled is a manifest of apps with these labels.
func labelled(labels ...string) string {
	text := "version: 1\napps:\n"
	for i, l := range labels {
		text += fmt.Sprintf("  - {id: a%d, app_name: A, android_package: cn.a%d, labels: %s}\n", i, i, l)
	}
	return text
}

// Labels that are alike are one map, and those that only look alike are not.
func TestLabelsAreShared(t *testing.T) {
	m, err := Load(write(t, t.TempDir(), "m.yaml", labelled("{a: b, c: d}", "{a: b, c: d}", `{a: "b1 cd"}`, `{a: b, "1": ""}`, "{}", "{}")), Options{})
	require.NoError(t, err)
	var got []map[string]string
	for _, a := range m.Apps {
		got = append(got, a.Labels)
	}
	assert.Equal(t, []map[string]string{{"a": "b", "c": "d"}, {"a": "b", "c": "d"}, {"a": "b1 cd"}, {"a": "b", "1": ""}, {}, {}}, got)
	m.Apps[0].Labels["seen"] = "by both"
	assert.Equal(t, "by both", m.Apps[1].Labels["seen"])
}

// A mistake that comes again is told again, and good labels excuse no bad ones.
func TestSharedLabelsHideNoMistake(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Load(write(t, ".", "m.yaml", labelled(`{"a=": b}`, `{"a=": b}`, `{a: "3"}`, "{a: 3}", "{a: ' b'}", "{a: ' b'}")), Options{})
	requireErrors(t, err,
		`m.yaml:3:60: a label's key cannot have = or , in it`,
		`m.yaml:4:60: a label's key cannot have = or , in it`,
		`m.yaml:6:63: label "a" must be text, not a number: put it in quotes`,
		`m.yaml:7:63: label "a" begins or ends with a space`,
		`m.yaml:8:63: label "a" begins or ends with a space`,
	)
}
