package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/cli"
	"jpsync/internal/storetest"
	"jpsync/state"
	"jpsync/state/s3"
	"jpsync/state/shared"
)

// Whoever can write to the store chooses the texts in a state. None of them is a command for a
// terminal or a CI runner.
func TestForgedStates(t *testing.T) {
	const forged = "::set-env name=X::a\x1b[2J\r::add-mask::b\n::stop-commands::c\u009b"
	run := func(args ...string) {
		t.Helper()
		var out bytes.Buffer
		cli.Main(t.Context(), args, cli.Host{In: strings.NewReader(""), Out: &out, Err: &out})
		text := out.String()
		assert.Contains(t, text, "set-env", "%q", args)
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			assert.False(t, strings.HasPrefix(strings.TrimSpace(line), "::"), "%q: %q", args, line)
			assert.False(t, strings.ContainsFunc(line, unicode.IsControl), "%q: %q", args, line)
		}
	}

	st := state.New()
	st.Lineage, st.Serial, st.Endpoint, st.Account = "lineage", 1, "https://admin.jpush.cn/v1/", forged
	st.Apps[forged] = state.App{AppName: forged, AndroidPackage: forged, AppKey: forged, CreatedAt: time.Now().UTC()}
	data, err := state.Marshal(st)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	run("show", "--state", path)
	run("show", "--format", "json", "--state", path)
	run("output", "--format", "json", "--state", path)
	run("state", "list", "--state", path)
	run("state", "show", forged, "--state", path)
	run("state", "mv", forged, "x", "--state", path)
	run("state", "mv", "x", forged, "--state", path)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	run("state", "rm", forged, "--state", path)

	for name, value := range storeVariables {
		t.Setenv(name, value)
	}
	location := storetest.S3Location(storetest.FakeS3(t), "retail")
	where, err := s3.FromEnvironment(location)
	require.NoError(t, err)
	store, err := shared.New(s3.New(where), time.Minute)
	require.NoError(t, err)
	holder := state.Holder{PID: 1, Host: forged, User: forged, Command: forged, Since: time.Now()}
	held, err := state.Begin(t.Context(), store, state.Options{Holder: holder})
	require.NoError(t, err)
	defer held.Close()
	push := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, os.WriteFile(push, data, 0o600))
	run("state", "push", push, "--state", location) // locked
	run("doctor", "--state", location)
	run("state", "unlock", "--force", "--state", location)
}
