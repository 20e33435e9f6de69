package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// usage is what one process took, from its start to its end.
type usage struct {
	wall   time.Duration
	user   time.Duration
	memory int64 // the most it had resident, in bytes
}

// program is a process to be measured.
type program struct {
	path string
	args []string
	dir  string
	env  []string // beside PATH and HOME
	exit int      // the code that it is expected to end with
}

func (p program) run() (usage, error) {
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir = p.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir}, p.env...)
	var out bytes.Buffer
	cmd.Stderr = &out
	began := time.Now()
	err := cmd.Run()
	u := usage{wall: time.Since(began)}
	if cmd.ProcessState == nil {
		return u, fmt.Errorf("start %s: %w", p.path, err)
	}
	if code := cmd.ProcessState.ExitCode(); code != p.exit {
		return u, fmt.Errorf("%s %q ended with %v:\n%s", filepath.Base(p.path), p.args, err, tail(out.Bytes()))
	}
	u.user = cmd.ProcessState.UserTime()
	u.memory = resident(cmd.ProcessState)
	return u, nil
}

// tail is the end of what a program had to say.
func tail(b []byte) []byte { return b[max(0, len(b)-2000):] }

// build makes the program as it is shipped.
func build(dir string) (string, error) {
	path := filepath.Join(dir, "jpsync")
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "jpsync").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build jpsync: %w\n%s", err, out)
	}
	return path, nil
}
