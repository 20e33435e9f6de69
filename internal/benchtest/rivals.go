package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// errAbsent says that a program to compare with is not on this machine.
var errAbsent = errors.New("not installed")

// scripts are the comparisons with what people use who have no jpsync.
func (w *world) scripts() ([]duel, error) {
	const inFlight = 16
	s, err := serve(20 * time.Millisecond)
	if err != nil {
		return nil, err
	}
	ours := func(n int) func() (usage, error) {
		return func() (usage, error) { return w.create(s, n, inFlight) }
	}
	return []duel{
		{
			name: "create 500 apps, 16 at a time, answers after 20ms, against xargs -P and curl",
			ours: ours(500), other: func() (usage, error) { return w.xargs(s, 500, inFlight) },
		},
		{
			name: "create 100 apps, 16 at a time, answers after 20ms, against Terraform (terraform_data and curl)",
			ours: ours(100), other: func() (usage, error) { return w.terraform(s, 100, inFlight) },
		},
	}, nil
}

// present reports an errAbsent for the first program that is missing.
func present(names ...string) error {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s: %w", name, errAbsent)
		}
	}
	return nil
}

// curl is the command that makes one app; number stands for its number.
func curl(s *server, number string) string {
	return fmt.Sprintf(`curl -sf -o /dev/null -u %s:%s -H 'Content-Type: application/json' -d '{"app_name":"a%s","android_package":"cn.example.a%s"}' %sapp`,
		devKey, devSecret, number, number, s.endpoint())
}

func (w *world) xargs(s *server, n, inFlight int) (usage, error) {
	if err := present("sh", "seq", "xargs", "curl"); err != nil {
		return usage{}, err
	}
	line := strings.ReplaceAll(curl(s, "{}"), `"`, `\"`)
	script := fmt.Sprintf(`seq 1 %d | xargs -P %d -I{} sh -c "%s"`, n, inFlight, line)
	return program{path: "/bin/sh", args: []string{"-c", script}, dir: w.dir}.run()
}

// terraform makes apps by a provisioner: there is no provider that knows JPush. Getting the
// working directory ready is not counted.
func (w *world) terraform(s *server, n, inFlight int) (usage, error) {
	if err := present("terraform", "curl"); err != nil {
		return usage{}, err
	}
	path, err := exec.LookPath("terraform")
	if err != nil {
		return usage{}, err
	}
	dir, err := w.fresh()
	if err != nil {
		return usage{}, err
	}
	defer os.RemoveAll(dir)
	config := fmt.Sprintf("resource \"terraform_data\" \"app\" {\n  count = %d\n  provisioner \"local-exec\" {\n    quiet   = true\n    command = %s\n  }\n}\n",
		n, strings.ReplaceAll(strconv.Quote(curl(s, "NUMBER")), "NUMBER", "${count.index}"))
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o644); err != nil {
		return usage{}, err
	}
	run := func(args ...string) (usage, error) {
		return program{path: path, args: args, dir: dir, env: []string{"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"}}.run()
	}
	if _, err := run("init", "-input=false"); err != nil {
		return usage{}, err
	}
	return run("apply", "-input=false", "-auto-approve", "-parallelism="+strconv.Itoa(inFlight))
}
