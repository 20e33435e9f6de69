//go:build unix

package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever pipes a long text into head wants no complaint that head has seen enough; any other
// trouble with standard output is told.
func TestAReaderThatHasSeenEnough(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, r.Close())
	fd, err := syscall.Dup(int(w.Fd()))
	require.NoError(t, err)
	out := os.NewFile(uintptr(fd), os.Stdout.Name())
	defer out.Close()
	for _, args := range [][]string{{"help", "manifest"}, {"output", "--help"}, {"schema"}} {
		var told bytes.Buffer
		require.Equal(t, ExitError, Main(t.Context(), args, Host{Out: out, Err: &told}), "%v", args)
		require.Empty(t, told.String())
	}
	gone := &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}
	require.False(t, readerLeft(errors.Join(gone, errors.New("and the state is not saved"))))
	require.False(t, readerLeft(&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.ENOSPC}))
}

// What is suggested works on what the command has worked on.
func TestFlagsToRepeat(t *testing.T) {
	for want, g := range map[string]globals{
		"":                                {Manifest: "jpsync.yaml"},
		" --sandbox":                      {Manifest: "jpsync.yaml", Sandbox: true},
		" -m 'my apps' --cert-root certs": {Manifest: "my apps", CertRoot: "certs"},
		" --state s.json":                 {Manifest: "jpsync.yaml", State: "s.json"},
	} {
		require.Equal(t, want, g.again())
	}
}
