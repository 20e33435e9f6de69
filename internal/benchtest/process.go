package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const mebibyte = 1 << 20

// usage is what one process took.
type usage struct {
	wall   time.Duration // from its start to its end
	memory int64         // the most that was resident, in bytes; 0 where the system does not tell
}

// measure runs a command that is expected to succeed. It adds to the command's environment
// what every program needs.
func measure(cmd *exec.Cmd) (usage, error) {
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"), "HOME="+cmd.Dir)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	began := time.Now()
	err := cmd.Run()
	wall := time.Since(began)
	if err != nil {
		text := problems.Bytes()
		return usage{}, fmt.Errorf("run %s %q: %w\n%s", filepath.Base(cmd.Path), cmd.Args[1:], err, text[max(0, len(text)-2000):])
	}
	return usage{wall: wall, memory: resident(cmd.ProcessState)}, nil
}
