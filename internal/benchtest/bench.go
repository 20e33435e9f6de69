package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/pushcert"
)

// The account of the measurements, which is the simulator's too, and the password of its
// certificates. They protect nothing.
const (
	devKey      = sandbox.DevKey
	devSecret   = sandbox.DevSecret
	p12Password = "bench-p12"
)

func appID(i int) string      { return fmt.Sprintf("app-%06d", i) }
func appName(i int) string    { return fmt.Sprintf("Application %06d", i) }
func appPackage(i int) string { return fmt.Sprintf("cn.example.bench.app%06d", i) }

// bench has the program to measure, a directory to do it in, and where the figures go.
type bench struct {
	dir    string
	jpsync string
	rounds int
	out    io.Writer
	missed int // figures that miss their goal
}

// build makes the program as it is shipped.
func (b *bench) build() error {
	b.jpsync = filepath.Join(b.dir, "jpsync")
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.jpsync, "jpsync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build jpsync: %w\n%s", err, out)
	}
	return nil
}

// command is a run of jpsync in a directory.
func (b *bench) command(dir, endpoint string, args ...string) side {
	return func() (usage, error) {
		cmd := exec.Command(b.jpsync, args...)
		cmd.Dir = dir
		cmd.Env = []string{"JPSYNC_ENDPOINT=" + endpoint, "JPUSH_DEV_KEY=" + devKey, "JPUSH_DEV_SECRET=" + devSecret, "P12_PASSWORD=" + p12Password}
		return measure(cmd)
	}
}

// rival is a run of this program as the other side.
func (b *bench) rival(args ...string) side {
	return func() (usage, error) {
		self, err := os.Executable()
		if err != nil {
			return usage{}, err
		}
		cmd := exec.Command(self, append([]string{rivalCommand}, args...)...)
		cmd.Dir = b.dir
		return measure(cmd)
	}
}

// create is a first apply of n apps: everything that it does, in a new directory.
func (b *bench) create(s *service, endpoint string, n int, parallelism string) side {
	return func() (usage, error) {
		dir, err := b.project(n)
		if err != nil {
			return usage{}, err
		}
		defer os.RemoveAll(dir)
		before := s.served.Load()
		u, err := b.command(dir, endpoint, "apply", "--auto-approve", "--quiet", "--parallelism", parallelism)()
		if sent := s.served.Load() - before; err == nil && sent != int64(n) {
			err = fmt.Errorf("%d requests were sent for %d apps", sent, n)
		}
		return u, err
	}
}

// applied makes a project whose n apps are all created and recorded.
func (b *bench) applied(endpoint string, n int) (dir string, err error) {
	if dir, err = b.project(n); err != nil {
		return "", err
	}
	_, err = b.command(dir, endpoint, "apply", "--auto-approve", "--quiet", "--parallelism", "16")()
	return dir, err
}

// project makes a directory with a manifest of n apps.
func (b *bench) project(n int) (dir string, err error) {
	if dir, err = os.MkdirTemp(b.dir, "project-"); err != nil {
		return "", err
	}
	return dir, writeManifest(dir, n, "")
}

// writeManifest writes a manifest of n apps. Each of them has a certificate if a directory of
// certificates is given.
func writeManifest(dir string, n int, certificates string) error {
	var b bytes.Buffer
	b.WriteString("version: 1\napps:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - id: %s\n    app_name: %s\n    android_package: %s\n", appID(i), appName(i), appPackage(i))
		if certificates != "" {
			fmt.Fprintf(&b, "    certificates:\n      production:\n        file: %s/%s.p12\n        password: {env: P12_PASSWORD}\n", certificates, appID(i))
		}
	}
	return os.WriteFile(filepath.Join(dir, "jpsync.yaml"), b.Bytes(), 0o644)
}

// mint writes a certificate for each of n apps.
func mint(dir string, n int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	now := time.Now()
	for i := range n {
		data, err := pushcert.Mint(pushcert.MintOptions{
			BundleID: "cn.example.bench.app", Kind: pushcert.MintProduction, EC: true, Password: p12Password,
			NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, appID(i)+".p12"), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

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
