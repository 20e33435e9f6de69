package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An anchor that is given twice means the last one before its alias, however long the file is.
func TestAnchorsGivenTwice(t *testing.T) {
	const text = `version: 1
account:
  dev_key: {env: &name FIRST}
apps:
  - {id: a, app_name: &name second, android_package: cn.example.a}
PADDING
state: *name
defaults: {group_name: *name}
`
	for name, padding := range map[string]string{"short": "", "long": strings.Repeat("# padding\n", pieceBytes/5)} {
		path := filepath.Join(t.TempDir(), "jpsync.yaml")
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(text, "PADDING\n", padding, 1)), 0o600))
		m, err := Load(path, Options{})
		require.NoError(t, err, name)
		require.Equal(t, "second", m.Apps[0].GroupName, name)
		said, err := LoadState(path)
		require.NoError(t, err, name)
		require.Equal(t, "second", filepath.Base(said.Location), name)
	}
}

// An alias may lead back to the list that it is in.
func TestAliasesOfTheListOfApps(t *testing.T) {
	for _, text := range []string{
		"version: 1\napps: &a\n  - {app_name: x, android_package: cn.example.x}\n  - <<: *a\n    app_name: y\n    android_package: cn.example.y\n",
		"version: 1\napps: &a\n  - {app_name: x, android_package: cn.example.x}\ninclude: *a\n",
	} {
		path := filepath.Join(t.TempDir(), "jpsync.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Load(path, Options{})
		require.ErrorContains(t, err, "jpsync.yaml:")
	}
}

// A key is the same however it is written.
func TestTheStateUnderAnEscapedKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jpsync.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`{"version": 1, "st\x61te": other.json}`), 0o600))
	said, err := LoadState(path)
	require.NoError(t, err)
	require.Equal(t, "other.json", filepath.Base(said.Location))
}
