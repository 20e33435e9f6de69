package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"jpsync/internal/jpush/sandbox"
)

// cmdExits runs a command to its end and compares the exit code. stdout, stderr and cmp see
// what it printed.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG…]")
	}
	want := number(ts, args[0])
	err := ts.Exec(args[1], args[2:]...)
	if !slices.Contains(args, "--show-secrets") {
		of(ts).keep(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
	}
	if got := exitCode(err); got != want {
		ts.Fatalf("exit code %d, not %d (%v)", got, want, err)
	}
}

func exitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// process is a run side by side with the story.
type process struct {
	cmd    *exec.Cmd
	stdout output
	stderr output
	err    error
	done   chan struct{}
}

// program is jpsync as it is shipped, main and its signals included. It is built once.
var program = sync.OnceValues(func() (path string, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(os.Args[0]), "program")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "jpsync")
	args := []string{"build", "-o", path}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "jpsync")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
})

// environment is what a started process gets of the story's variables.
var environment = []string{
	"PATH", "HOME", "TMPDIR", "GORACE", "JPSYNC_ENDPOINT", "JPSYNC_DEVICE_ENDPOINT", "JPUSH_DEV_KEY", "JPUSH_DEV_SECRET", "P12_PASSWORD",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	"JPSYNC_STATE_RECIPIENTS",
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	line := args[1:]
	if len(line) > 0 && line[0] == "nohup" {
		line = line[1:]
	}
	if len(line) == 0 || line[0] != "jpsync" {
		ts.Fatalf("usage: start NAME [nohup] jpsync [ARG…]")
	}
	path, err := program()
	ts.Check(err)
	line[0] = path
	p := &process{
		cmd: exec.Command(args[1], args[2:]...), done: make(chan struct{}),
		stdout: output{line: make(chan struct{})}, stderr: output{line: make(chan struct{})},
	}
	p.cmd.Dir = ts.MkAbs(".")
	for _, name := range environment {
		p.cmd.Env = append(p.cmd.Env, name+"="+ts.Getenv(name))
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if signal.Ignored(syscall.SIGHUP) { // of tests that nohup runs, which a process would inherit
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	ts.Check(p.cmd.Start())
	of(ts).running[args[0]] = p
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
}

// output is what a process printed so far.
type output struct {
	mu    sync.Mutex
	bytes []byte
	line  chan struct{} // closed once there is a whole line
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	whole := bytes.Contains(o.bytes, []byte("\n"))
	o.bytes = append(o.bytes, data...)
	if !whole && bytes.Contains(o.bytes, []byte("\n")) {
		close(o.line)
	}
	return len(data), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.bytes)
}

// cmdListening waits for a started sandbox's first line, and points the environment at it.
func cmdListening(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 1, "listening NAME")
	p := started(ts, args[0])
	select {
	case <-p.stdout.line:
	case <-p.done:
		ts.Fatalf("%s ended: %s", args[0], p.stderr.String())
	}
	endpoint, _, _ := strings.Cut(p.stdout.String(), "\n")
	ts.Setenv("JPSYNC_ENDPOINT", endpoint)
	ts.Setenv("JPUSH_DEV_KEY", sandbox.DevKey)
	ts.Setenv("JPUSH_DEV_SECRET", sandbox.DevSecret)
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 2, "signal INT|TERM|HUP|KILL NAME")
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": os.Kill}
	sig, ok := signals[args[0]]
	if !ok {
		ts.Fatalf("no signal %s", args[0])
	}
	ts.Check(started(ts, args[1]).cmd.Process.Signal(sig))
}

// cmdSays waits until a started run has said something on standard error.
func cmdSays(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 2, "says NAME TEXT")
	p := started(ts, args[0])
	for !strings.Contains(p.stderr.String(), args[1]) {
		select {
		case <-time.After(time.Millisecond):
		case <-p.done:
			ts.Fatalf("%s ended without saying %q: %s", args[0], args[1], p.stderr.String())
		}
	}
}

// cmdFinished waits for a started run, whose output then is what stdout and stderr see.
func cmdFinished(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 2, "finished NAME CODE")
	p := started(ts, args[0])
	<-p.done
	delete(of(ts).running, args[0])
	of(ts).keep(p.stdout.String() + p.stderr.String())
	fmt.Fprint(ts.Stdout(), p.stdout.String())
	fmt.Fprint(ts.Stderr(), p.stderr.String())
	if got, want := exitCode(p.err), number(ts, args[1]); got != want {
		ts.Fatalf("%s ended with exit code %d, not %d:\n%s", args[0], got, want, p.stderr.String())
	}
}

func started(ts *testscript.TestScript, name string) *process {
	p := of(ts).running[name]
	if p == nil {
		ts.Fatalf("%s was not started", name)
	}
	return p
}
