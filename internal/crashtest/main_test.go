package crashtest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"jpsync/internal/cli"
	"jpsync/state"
	"jpsync/state/statetest"
)

// The variables that turn the test binary into a jpsync whose disk fails.
const (
	childVar  = "CRASHTEST_CHILD"  // anything: be jpsync
	faultVar  = "CRASHTEST_FAULT"  // KIND@N, see hook
	countVar  = "CRASHTEST_COUNT"  // a file for the run's operations, one on each line
	memoryVar = "CRASHTEST_MEMORY" // a file for the bytes that the run had from the operating system
)

func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		os.Exit(child())
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // they wait, mostly
		panic(err)
	}
	os.Exit(m.Run())
}

// child is jpsync with a file system between it and the disk.
func child() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	disk := statetest.NewFaulty(state.OS{}, hook(os.Getenv(faultVar)))
	code := cli.Main(ctx, os.Args[1:], cli.Host{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, FS: disk})

	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	note(memoryVar, fmt.Sprint(m.Sys))
	var operations strings.Builder
	for _, op := range disk.Log() {
		fmt.Fprintln(&operations, op)
	}
	note(countVar, operations.String())
	return code
}

// note writes a figure of this run to the file that a variable names.
func note(variable, text string) {
	if err := os.WriteFile(os.Getenv(variable), []byte(text), 0o600); err != nil {
		panic(err)
	}
}

// hook makes a fault of its name. The first N-1 operations that change a file succeed.
//
//	kill@N         the process is killed before operation N
//	torn@N         the process is killed when half of operation N is written
//	enospc@N       operation N and all later ones that need room fail
//	eio@N          the same with an I/O error
//	once-enospc@N  operation N fails, the later ones succeed
//	once-eio@N     the same with an I/O error
func hook(fault string) func(statetest.Op) error {
	kind, number, ok := strings.Cut(fault, "@")
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		panic(err)
	}
	die := func() {
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	}
	switch kind {
	case "kill":
		return func(op statetest.Op) error {
			if op.N == n {
				die()
			}
			return nil
		}
	case "torn":
		return tear(n, die)
	case "enospc":
		return writesFrom(n, syscall.ENOSPC)
	case "eio":
		return writesFrom(n, syscall.EIO)
	case "once-enospc":
		return failAt(n, statetest.ShortWrite{Err: syscall.ENOSPC})
	case "once-eio":
		return failAt(n, syscall.EIO)
	}
	panic("no such fault: " + fault)
}

// failAt makes operation n fail, and no other.
func failAt(n int, err error) func(statetest.Op) error {
	return func(op statetest.Op) error {
		if op.N == n {
			return err
		}
		return nil
	}
}

// tear lets half of operation n happen, and dies at the next operation.
func tear(n int, die func()) func(statetest.Op) error {
	torn := false
	return func(op statetest.Op) error {
		if torn {
			die()
		}
		if op.N == n {
			torn = true
			return statetest.ShortWrite{Err: syscall.EIO}
		}
		return nil
	}
}

// writesFrom is a disk that is full, or broken, from operation n on. Files that exist can
// still be read, renamed and removed.
func writesFrom(n int, err error) func(statetest.Op) error {
	return func(op statetest.Op) error {
		switch op.Kind {
		case statetest.Create, statetest.Write, statetest.Sync, statetest.SyncDir:
			if op.N >= n {
				return statetest.ShortWrite{Err: err}
			}
		}
		return nil
	}
}
