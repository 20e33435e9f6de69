package manifest

import (
	"fmt"
	"testing"
)

// A mistake that comes again is reported again, and good labels excuse no bad ones.
func TestLabels(t *testing.T) {
	t.Chdir(t.TempDir())
	text := "version: 1\napps:\n"
	for i, l := range []string{`{"a=": b}`, `{"a=": b}`, `{a: "3"}`, "{a: 3}", "{a: ' b'}", "{a: ' b'}"} {
		text += fmt.Sprintf("  - {id: a%d, app_name: A, android_package: cn.a%d, labels: %s}\n", i, i, l)
	}
	_, err := Load(write(t, ".", "m.yaml", text), Options{})
	requireErrors(t, err,
		`m.yaml:3:60: a label's key cannot have = or , in it`,
		`m.yaml:4:60: a label's key cannot have = or , in it`,
		`m.yaml:6:63: label "a" must be text, not a number: put it in quotes`,
		`m.yaml:7:63: label "a" begins or ends with a space`,
		`m.yaml:8:63: label "a" begins or ends with a space`,
	)
}
