package state

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is reserved has blocks on the disk and is no mere length.
func TestReservedRoomIsOnTheDisk(t *testing.T) {
	const size = 3<<20 + 17
	temp, err := reserveTemp(OS{}, filepath.Join(t.TempDir(), "j"), size)
	require.NoError(t, err)
	info, err := os.Stat(temp)
	require.NoError(t, err)
	require.EqualValues(t, size, info.Size())
	require.EqualValues(t, 0o600, info.Mode().Perm())
	require.GreaterOrEqual(t, info.Sys().(*syscall.Stat_t).Blocks*512, int64(size))
}

func TestRoomThatTheDiskDoesNotHaveIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	_, err := reserveTemp(OS{}, path, 1<<60)
	require.Error(t, err)
	left, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Empty(t, left)
}
