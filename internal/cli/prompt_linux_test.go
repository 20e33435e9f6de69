package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"jpsync/internal/cli"
	"jpsync/internal/jpush/sandbox"
	"jpsync/state"
)

// terminal opens a pseudo terminal: what a person has, and what a process gets.
func terminal(t *testing.T) (person, tty *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { person.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return person, tty
}

// typed runs jpsync in dir for somebody at a terminal who types one line at the question,
// and returns what stood on the screen.
func typed(t *testing.T, dir, line string, env []string, args ...string) (screen string, code int) {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	person, tty := terminal(t)
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TERM=xterm"}, env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	require.NoError(t, cmd.Start())
	require.NoError(t, tty.Close())
	var seen bytes.Buffer
	buffer := make([]byte, 4096)
	for asked := false; ; {
		n, err := person.Read(buffer)
		seen.Write(buffer[:n])
		if !asked && strings.Contains(seen.String(), "Type yes") {
			asked = true
			_, err := io.WriteString(person, line+"\n")
			require.NoError(t, err)
		}
		if err != nil { // EIO: the process is gone
			break
		}
	}
	return seen.String(), exitCode(cmd.Wait())
}

func TestAPersonIsAsked(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "jpsync.yaml"), []byte(text), 0o666))
	}
	const both = "version: 1\napps:\n  - {id: shop, app_name: Shop, android_package: cn.example.shop}\n  - {id: pay, app_name: Pay, android_package: cn.example.pay}\n"
	write(both)
	account := filepath.Join(dir, ".jpsync", "sandbox", "account.json")
	apps := func() (n int) {
		t.Helper()
		server, err := sandbox.New(sandbox.Options{Data: account})
		require.NoError(t, err)
		for _, app := range server.Apps() {
			if !app.Deleted {
				n++
			}
		}
		return n
	}

	screen, code := typed(t, dir, "y", nil, "apply", "--sandbox")
	require.Equal(t, cli.ExitError, code, screen)
	require.Contains(t, screen, "not approved, nothing was sent")
	require.NoFileExists(t, account)

	screen, code = typed(t, dir, "yes", nil, "apply", "--sandbox")
	require.Equal(t, cli.ExitDone, code, screen)
	require.Contains(t, screen, "2 created")
	require.Contains(t, screen, "\x1b[", "a terminal shows colour")
	require.Equal(t, 2, apps())

	// A typed yes covers deletes, which are named.
	write(both[:strings.Index(both, "  - {id: pay")])
	screen, code = typed(t, dir, "no", []string{"NO_COLOR=1"}, "apply", "--sandbox")
	require.Equal(t, cli.ExitError, code, screen)
	require.Contains(t, screen, "This deletes 1 of the account's apps")
	require.Contains(t, screen, "- pay  cn.example.pay  app key ")
	require.NotContains(t, screen, "\x1b[3", "NO_COLOR")
	require.Equal(t, 2, apps())
	screen, code = typed(t, dir, "yes", nil, "apply", "--sandbox")
	require.Equal(t, cli.ExitDone, code, screen)
	require.Equal(t, 1, apps())

	// In a pipeline that has a terminal nobody is asked all the same.
	write(both)
	screen, code = typed(t, dir, "yes", []string{"CI=true"}, "apply", "--sandbox")
	require.Equal(t, cli.ExitRefused, code, screen)
	require.NotContains(t, screen, "Type yes")
	require.NotContains(t, screen, "\x1b[", "no colour in a pipeline")
	require.Equal(t, 1, apps())
}

// A state that somebody else can write to holds any text. A terminal gets no control characters
// of it, and a file gets the state as it is.
func TestPulledStateIsEscapedForATerminal(t *testing.T) {
	dir := t.TempDir()
	st := state.New()
	st.Lineage, st.Serial, st.Endpoint = "lineage", 1, sandbox.Endpoint
	st.Apps["shop"] = state.App{AppName: "a\u009b2J", AndroidPackage: "cn.example.shop", AppKey: "k", CreatedAt: time.Now().UTC()}
	data, err := state.Marshal(st)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "forged.json"), data, 0o600))
	screen, code := typed(t, dir, "", nil, "state", "pull", "--sandbox", "--state", "forged.json")
	require.Equal(t, cli.ExitDone, code, screen)
	require.Contains(t, screen, `a\u009b2J`)
	require.NotContains(t, screen, "\u009b")

	var out bytes.Buffer
	require.Equal(t, cli.ExitDone, cli.Main(t.Context(), []string{"state", "pull", "--sandbox", "--state", filepath.Join(dir, "forged.json")},
		cli.Host{In: strings.NewReader(""), Out: &out, Err: io.Discard}))
	require.Equal(t, string(data), out.String())
}

// An interrupt at the question for a password ends the command, and what is typed shows again.
func TestAnInterruptAtThePassword(t *testing.T) {
	dir := t.TempDir()
	path, err := program()
	require.NoError(t, err)
	made := exec.Command(path, "certs", "make-test", "made", "--password-env", "P12")
	made.Dir, made.Env = dir, append(os.Environ(), "P12=secret")
	require.NoError(t, made.Run())

	person, tty := terminal(t)
	cmd := exec.Command(path, "certs", "inspect", filepath.Join(dir, "made", "production.p12"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TERM=xterm"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	require.NoError(t, cmd.Start())
	var seen bytes.Buffer
	buffer := make([]byte, 4096)
	for !strings.Contains(seen.String(), "Password of") {
		n, err := person.Read(buffer)
		require.NoError(t, err)
		seen.Write(buffer[:n])
	}
	echo := func() bool {
		t.Helper()
		settings, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
		require.NoError(t, err)
		return settings.Lflag&unix.ECHO != 0
	}
	require.Eventually(t, func() bool { return !echo() }, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.Equal(t, cli.ExitInterrupted, exitCode(cmd.Wait()))
	require.True(t, echo())
	require.NoError(t, tty.Close())
	rest, _ := io.ReadAll(person) // it ends with EIO
	require.Contains(t, string(rest), "jpsync: interrupted, the file was not opened")
}
