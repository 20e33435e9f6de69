package manifest

import (
	"fmt"
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

// A hostile manifest is refused before it takes minutes.
func TestManifestsThatTakeForEver(t *testing.T) {
	dir := t.TempDir()
	for _, link := range []string{"a", "b", "c", "d", "e", "f"} {
		require.NoError(t, os.Symlink(".", filepath.Join(dir, link)))
	}
	var tags strings.Builder
	for i := range 60000 {
		fmt.Fprintf(&tags, "%%TAG !a%d! x\n", i)
	}
	for text, want := range map[string]string{
		tags.String() + "---\nversion: 1\napps: []\n":                         "jpsync.yaml:1:1: a %TAG directive is not supported: remove it",
		"%YAML 1.1\n%TAG ! x\n---\nversion: 1\napps: []\n":                    "jpsync.yaml:2:1: a %TAG directive",
		"version: 1\ninclude: [\"" + strings.Repeat("*/", 12) + "y.yaml\"]\n": "looks into more than 10000 directories",
	} {
		path := filepath.Join(dir, "jpsync.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Load(path, Options{})
		require.ErrorContains(t, err, want)
	}
}
