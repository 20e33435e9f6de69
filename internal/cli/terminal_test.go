//go:build unix

package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// abandoned is a standard output that nobody reads any more.
func abandoned(t *testing.T) *os.File {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, r.Close())
	fd, err := syscall.Dup(int(w.Fd()))
	require.NoError(t, err)
	out := os.NewFile(uintptr(fd), os.Stdout.Name())
	t.Cleanup(func() { out.Close() })
	return out
}

// Whoever pipes a long text into head wants no complaint that head has seen enough; any other
// trouble with standard output is told.
func TestAReaderThatHasSeenEnough(t *testing.T) {
	for _, args := range [][]string{{"help", "manifest"}, {"output", "--help"}, {"schema"}} {
		var told bytes.Buffer
		require.Equal(t, ExitError, Main(t.Context(), args, Host{Out: abandoned(t), Err: &told}), "%v", args)
		require.Empty(t, told.String())
	}
	gone := &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}
	require.False(t, readerLeft(errors.Join(gone, errors.New("and the state is not saved"))))
	require.False(t, readerLeft(&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.ENOSPC}))
}

// What an apply did or did not do is never left unsaid.
func TestAnApplyWithoutAReader(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "jpsync.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`{version: 1, apps: [
		{app_name: a, android_package: cn.example.a},
		{app_name: b, android_package: cn.example.b, certificates: {production: {file: missing.p12}}}]}`), 0o600))
	for _, tt := range []struct {
		flags []string
		code  int
		told  []string
	}{
		{nil, ExitError, []string{"the plan could not be shown, so nothing was sent: write"}},
		{[]string{"--format", "json"}, ExitError, []string{"so nothing was sent: write"}},
		{[]string{"--quiet"}, ExitPartial, []string{"1 failed", "the result could not be shown: write"}},
	} {
		var told bytes.Buffer
		args := append([]string{"apply", "--sandbox", "--auto-approve", "-m", path}, tt.flags...)
		require.Equal(t, tt.code, Main(t.Context(), args, Host{Out: abandoned(t), Err: &told}), "%v", args)
		for _, text := range tt.told {
			require.Contains(t, told.String(), text)
		}
	}
}

// What is suggested works on what the command has worked on.
func TestFlagsToRepeat(t *testing.T) {
	for want, g := range map[string]globals{
		"":                                {Manifest: "jpsync.yaml"},
		" --sandbox":                      {Manifest: "jpsync.yaml", Sandbox: true},
		" -m 'my apps' --cert-root certs": {Manifest: "my apps", CertRoot: "certs"},
		" --state s.json":                 {Manifest: "jpsync.yaml", State: "s.json"},
		" --endpoint 'http://[::1]/'":     {Manifest: "jpsync.yaml", Endpoint: "http://[::1]/"},
	} {
		require.Equal(t, want, g.sameFlags())
	}
	t.Setenv("JPSYNC_MANIFEST", "other.yaml")
	t.Setenv("JPSYNC_SANDBOX", "true")
	g := globals{Manifest: "jpsync.yaml", Sandbox: true}
	require.Equal(t, " -m jpsync.yaml", g.sameFlags(), "without it, it would be the other one")
	g.Manifest = "other.yaml"
	require.Empty(t, g.sameFlags())
}
