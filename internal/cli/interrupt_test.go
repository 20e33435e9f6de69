package cli_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/cli"
)

// writer is a function that is written to.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// An interrupt after the plan was shown says nothing about the state.
func TestAnInterruptBeforeTheFirstRequest(t *testing.T) {
	dir := t.TempDir()
	manifest := filepath.Join(dir, "jpsync.yaml")
	require.NoError(t, os.WriteFile(manifest, []byte("version: 1\napps:\n  - {id: a, app_name: A, android_package: cn.example.a}\n"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	var errs strings.Builder
	code := cli.Main(ctx, []string{"apply", "--sandbox", "--auto-approve", "-m", manifest},
		cli.Host{In: strings.NewReader(""), Out: writer(func([]byte) { cancel() }), Err: io.Writer(&errs)})
	require.Equal(t, cli.ExitInterrupted, code)
	require.Equal(t, "jpsync: interrupted, nothing was sent\n", errs.String())
	require.NoFileExists(t, filepath.Join(dir, "jpsync.state.json"))
}
