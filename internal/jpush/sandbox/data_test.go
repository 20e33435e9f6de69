package sandbox

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCommitGoesToDiskFirst: an app that could not be written is not there.
func TestCommitGoesToDiskFirst(t *testing.T) {
	s, err := New(Options{Data: filepath.Join(t.TempDir(), "sandbox.jsonl")})
	require.NoError(t, err)
	err = s.update(func() error {
		require.NoError(t, s.data.file.Close())
		return s.commit(App{AppKey: "k", Name: "a", AndroidPackage: "b"})
	})
	assert.ErrorContains(t, err, "write the sandbox's data")
	assert.Empty(t, s.Apps())
}
