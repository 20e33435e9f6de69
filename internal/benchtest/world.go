package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"jpsync/internal/pushcert"
)

// What the accounts of the measurements are called. They protect nothing.
const (
	devKey      = "bench"
	devSecret   = "bench-secret"
	p12Password = "bench-p12"
)

func appID(i int) string      { return fmt.Sprintf("app-%06d", i) }
func appName(i int) string    { return fmt.Sprintf("Application %06d", i) }
func appPackage(i int) string { return fmt.Sprintf("cn.example.bench.app%06d", i) }

// world makes directories with manifests, and knows the program that works in them.
type world struct {
	dir    string
	jpsync string
	self   string // this program, to play the other side
	made   int
}

// fresh returns a new directory.
func (w *world) fresh() (string, error) {
	w.made++
	dir := filepath.Join(w.dir, fmt.Sprintf("run%04d", w.made))
	return dir, os.Mkdir(dir, 0o755)
}

// command is a run of jpsync in a directory.
func (w *world) command(dir string, s *server, args ...string) program {
	return program{path: w.jpsync, dir: dir, args: args, env: []string{
		"JPUSH_DEV_KEY=" + devKey, "JPUSH_DEV_SECRET=" + devSecret, "P12_PASSWORD=" + p12Password,
		"JPSYNC_ENDPOINT=" + s.endpoint(),
	}}
}

// rival is a run of this program as the other side.
func (w *world) rival(args ...string) program {
	return program{path: w.self, dir: w.dir, args: append([]string{"bare"}, args...)}
}

// manifest writes one with n apps. certificates is their directory, empty for none.
func manifest(dir string, n int, certificates string) (err error) {
	f, err := os.Create(filepath.Join(dir, "jpsync.yaml"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "version: 1\napps:")
	for i := range n {
		fmt.Fprintf(w, "  - id: %s\n    app_name: %s\n    android_package: %s\n", appID(i), appName(i), appPackage(i))
		if certificates != "" {
			fmt.Fprintf(w, "    certificates:\n      production:\n        file: %s/%s.p12\n        password: {env: P12_PASSWORD}\n", certificates, appID(i))
		}
	}
	return w.Flush()
}

// mint writes a certificate of its own for each of n apps.
func mint(dir string, n int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	now := time.Now()
	var makers errgroup.Group
	makers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		makers.Go(func() error {
			data, err := pushcert.Mint(pushcert.MintOptions{
				BundleID: "cn.example.bench.app", Kind: pushcert.MintProduction, KeyType: pushcert.KeyECP256, Password: p12Password,
				NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
			})
			if err != nil {
				return fmt.Errorf("make a certificate to upload: %w", err)
			}
			return os.WriteFile(filepath.Join(dir, appID(i)+".p12"), data, 0o600)
		})
	}
	return makers.Wait()
}

// applied makes a directory whose n apps are all created and recorded, and tells what that
// took.
func (w *world) applied(s *server, n int) (dir string, u usage, err error) {
	if dir, err = w.fresh(); err != nil {
		return "", u, err
	}
	if err := manifest(dir, n, ""); err != nil {
		return "", u, err
	}
	u, err = w.command(dir, s, "apply", "--auto-approve", "--quiet", "--parallelism", "16").run()
	return dir, u, err
}
