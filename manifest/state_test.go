package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// manyApps is a list that is read in pieces.
func manyApps() string {
	var b strings.Builder
	b.WriteString("apps:\n")
	for i := range 2 * pieceBytes / 60 {
		fmt.Fprintf(&b, "  - {app_name: app of the estate %d, android_package: cn.a%d}\n", i, i)
	}
	return b.String()
}

// Load and LoadState say the same of the state.
func TestStateSettings(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want StateSettings
	}{
		"none":          {"version: 1\napps: []", StateSettings{}},
		"null":          {"version: 1\nstate: null\nstate_recipients: null\napps: []", StateSettings{}},
		"bucket":        {"version: 1\nstate: s3://b/p?region=r\napps: []", StateSettings{Location: "s3://b/p?region=r"}},
		"relative":      {"version: 1\nstate: kept/s.json\napps: []", StateSettings{Location: "DIR/kept/s.json"}},
		"absolute":      {"version: 1\nstate: /kept/s.json\napps: []", StateSettings{Location: "/kept/s.json"}},
		"recipients":    {"version: 1\nstate_recipients: [age1a, age1b]\napps: []", StateSettings{Recipients: []string{"age1a", "age1b"}}},
		"merged":        {"version: 1\n<<: {state: s3://b}\napps: []", StateSettings{Location: "s3://b"}},
		"before pieces": {"version: 1\nstate: s3://b\n" + manyApps(), StateSettings{Location: "s3://b"}},
		"after pieces":  {"version: 1\n" + manyApps() + "state: s3://b\n", StateSettings{Location: "s3://b"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "jpsync.yaml")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			if below, ok := strings.CutPrefix(c.want.Location, "DIR"); ok {
				c.want.Location = filepath.Join(dir, below)
			}
			m, err := Load(path, Options{})
			require.NoError(t, err)
			assert.Equal(t, c.want, m.State)
			got, err := LoadState(path)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestLoadStateMindsOnlyTheState(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("a.yaml", "version: 1\nstate: s3://b\nnonsense: [1]\napps: [{app_name: 3}]\n")
	write("b.yaml", "version: 1\napps: [\n")
	got, err := LoadState(dir)
	require.NoError(t, err)
	assert.Equal(t, "s3://b", got.Location)

	write("c.yaml", "version: 1\nstate: s3://c\n")
	_, err = LoadState(dir)
	require.ErrorContains(t, err, "duplicate state, the first is at ")

	_, err = LoadState(filepath.Join(dir, "missing.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A key about the state that is passed over would lead to another state, or leave secrets in clear.
func TestLoadStateMindsItsOwnKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jpsync.yaml")
	for text, want := range map[string]string{
		"state: s3://b\nstate_recipient: [age1a]": `unknown key "state_recipient" in a manifest, did you mean "state_recipients"?`,
		"stat: s3://b":                   `unknown key "stat" in a manifest, did you mean "state"?`,
		"State: s3://b":                  `unknown key "State" in a manifest, did you mean "state"?`,
		"state: s3://a\nstate: s3://b":   `duplicate key "state"`,
		"<<: {state_recipient: [age1a]}": `did you mean "state_recipients"?`,
		"<<: [state]":                    "a merge key (<<) needs a mapping",
	} {
		for _, apps := range []string{"apps: []\n", manyApps()} {
			require.NoError(t, os.WriteFile(path, []byte("version: 1\n"+apps+"nonsense: [1]\n"+text+"\n"), 0o600))
			_, err := LoadState(path)
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "nonsense")
		}
	}
}

// What is wrong about the state is told without repeating it: a password may be in it.
func TestStateMistakesAreNotRepeated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jpsync.yaml")
	for text, want := range map[string]string{
		"state: {url: hunter2}":                          "state must be text, not a mapping",
		"state: \"hunter2\\u0007\"":                      "invisible character",
		"state: " + strings.Repeat("hunter2", 1000):      "too long",
		"state_recipients: hunter2":                      "must be a list",
		"state_recipients: [AGE-SECRET-KEY-1HUNTER2]":    "begins with age1",
		"state_recipients: [[age1hunter2]]":              "must be text, not a list",
		"state: s3://b\nversion: 1\nstate: s3://hunter2": "duplicate key \"state\"",
	} {
		require.NoError(t, os.WriteFile(path, []byte("apps: []\n"+strings.Replace("version: 1\n"+text, "version: 1\nstate: s3://b\n", "state: s3://b\n", 1)), 0o600))
		_, err := Load(path, Options{})
		require.ErrorContains(t, err, want)
		assert.NotContains(t, strings.ToLower(err.Error()), "hunter2")
	}
}
