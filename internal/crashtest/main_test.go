package crashtest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"jpsync/internal/cli"
	"jpsync/state"
	"jpsync/state/statetest"
)

// The variables that turn the test binary into a jpsync whose disk misbehaves.
const (
	childVar = "CRASHTEST_CHILD" // anything: be jpsync
	faultVar = "CRASHTEST_FAULT" // KIND@N: what happens at the nth operation that changes a file
	countVar = "CRASHTEST_COUNT" // a file for the operations of the run, one on each line

	memoryVar = "CRASHTEST_MEMORY" // a file for the bytes that the run had from the operating system
)

func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// child is jpsync with a file system between it and the disk.
func child() int {
	disk := statetest.NewFaulty(state.OS{}, hook(os.Getenv(faultVar)))
	code := cli.Main(context.Background(), os.Args[1:], cli.Host{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, FS: disk})
	if path := os.Getenv(memoryVar); path != "" {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if err := os.WriteFile(path, fmt.Append(nil, m.Sys), 0o600); err != nil {
			panic(err)
		}
	}
	if path := os.Getenv(countVar); path != "" {
		var b strings.Builder
		for _, op := range disk.Log() {
			fmt.Fprintln(&b, op)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			panic(err)
		}
	}
	return code
}

// hook reads a fault: kill@3 dies before the third operation, after@3 right after it has
// been allowed (before the fourth), torn@3 dies with half of it written, enospc@3 and eio@3
// fail it and all that follow, once-enospc@3 fails it alone.
func hook(fault string) func(statetest.Op) error {
	kind, number, ok := strings.Cut(fault, "@")
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		panic(err)
	}
	die := func() { syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} }
	switch kind {
	case "kill":
		return statetest.HookAt(n, die)
	case "torn":
		return tear(n, die)
	case "enospc":
		return writesFrom(n, syscall.ENOSPC)
	case "eio":
		return writesFrom(n, syscall.EIO)
	case "once-enospc":
		return statetest.FailAt(n, statetest.ShortWrite{Err: syscall.ENOSPC})
	case "once-eio":
		return statetest.FailAt(n, syscall.EIO)
	}
	panic("no such fault: " + fault)
}

// tear lets half of a write happen and then dies, at the next thing that asks.
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

// writesFrom is a disk that is full, or broken, from some moment on: what needs room fails,
// what is there can be read, renamed and removed.
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
