package state_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"jpsync/state"
)

// A test that needs another process runs its own binary again, which then does what these
// variables say.
const (
	roleVar = "STATE_TEST_ROLE"
	pathVar = "STATE_TEST_PATH"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "":
		goleak.VerifyTestMain(m)
	case "hold":
		hold(os.Getenv(pathVar), 0)
	case "count":
		hold(os.Getenv(pathVar), time.Hour)
	}
}

// hold says whether it got the lock, waits for its input to end, adds one app and goes.
func hold(path string, wait time.Duration) {
	holder := state.Self("apply", time.Now())
	holder.Wait = wait
	run, err := state.Begin(context.Background(), state.NewFile(path, state.OS{}), state.Options{Holder: holder})
	var locked *state.LockedError
	switch {
	case errors.As(err, &locked):
		fmt.Println("locked by", locked.Holder.PID)
		return
	case err != nil:
		fmt.Println(err)
		return
	}
	fmt.Println("working")
	io.Copy(io.Discard, os.Stdin)
	err = run.Update(context.Background(), func(s *state.State) error {
		s.Apps[fmt.Sprint(len(s.Apps))] = *app("x")
		return nil
	})
	if err := errors.Join(err, run.Close()); err != nil {
		fmt.Println(err)
	}
}

// child is another process.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

func spawn(t *testing.T, role, path string) *child {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), roleVar+"="+role, pathVar+"="+path)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &child{cmd, stdin, bufio.NewReader(stdout)}
}

func (c *child) says(t *testing.T) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

func TestOneOf32ProcessesWorks(t *testing.T) {
	path := place(t)
	var children []*child
	for range 32 {
		children = append(children, spawn(t, "hold", path))
	}
	working, locked := 0, 0
	for _, c := range children {
		switch line := c.says(t); {
		case line == "working":
			working++
		case strings.HasPrefix(line, "locked by"):
			locked++
		default:
			t.Error(line)
		}
	}
	require.Equal(t, 1, working)
	require.Equal(t, 31, locked)
	for _, c := range children {
		c.stdin.Close()
	}
}

func TestAll32ProcessesWaitTheirTurn(t *testing.T) {
	path := place(t)
	var children []*child
	for range 32 {
		c := spawn(t, "count", path)
		c.stdin.Close()
		children = append(children, c)
	}
	for _, c := range children {
		require.Equal(t, "working", c.says(t))
		rest, err := io.ReadAll(c.out)
		require.NoError(t, err)
		require.Empty(t, string(rest))
	}
	s, err := state.NewFile(path, state.OS{}).Load(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 32, s.Serial)
	require.Len(t, s.Apps, 32)
}

func TestAKilledHolderLeavesNoLock(t *testing.T) {
	path := place(t)
	c := spawn(t, "hold", path)
	require.Equal(t, "working", c.says(t))
	store := state.NewFile(path, state.OS{})
	_, _, _, err := store.Open(t.Context(), state.Holder{})
	var locked *state.LockedError
	require.ErrorAs(t, err, &locked)
	require.Equal(t, c.cmd.Process.Pid, locked.Holder.PID)
	require.ErrorContains(t, err, "apply")

	require.NoError(t, c.cmd.Process.Kill())
	c.cmd.Wait()
	session, _, _, err := store.Open(t.Context(), state.Holder{PID: 7, Command: "plan"})
	require.NoError(t, err)
	note, err := os.ReadFile(path + ".lock")
	require.NoError(t, err)
	var holder map[string]any
	require.NoError(t, json.Unmarshal(note, &holder))
	require.Equal(t, map[string]any{"pid": 7.0, "host": "", "user": "", "command": "plan", "since": "0001-01-01T00:00:00Z"}, holder)
	require.NoError(t, session.Close())
	note, err = os.ReadFile(path + ".lock")
	require.NoError(t, err, "the file stays")
	require.Empty(t, note)
}

func TestALockFileThatSaysNonsense(t *testing.T) {
	path := place(t)
	store := state.NewFile(path, state.OS{})
	session, _, _, err := store.Open(t.Context(), state.Self("apply", time.Now()))
	require.NoError(t, err)
	defer session.Close()
	require.NoError(t, os.WriteFile(path+".lock", []byte("{\"pid\": \"x\"}"), 0o600))
	_, _, _, err = store.Open(t.Context(), state.Holder{})
	var locked *state.LockedError
	require.ErrorAs(t, err, &locked)
	require.Zero(t, locked.Holder)
}

func TestLockedErrorIsOneLine(t *testing.T) {
	forged := "x\r\n::add-mask::y\x1b[2J"
	err := &state.LockedError{Path: "p", Holder: state.Holder{PID: 1, Host: forged, User: forged, Command: forged}}
	require.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
}
