// Command benchtest measures jpsync as a process and prints docs/performance.md, a table of
// ratios: to the least program that does the same work, or to jpsync itself with a tenth of the
// apps. Absolute times say more about the machine. Its servers answer on loopback.
//
//	go run ./internal/benchtest [-only REGEXP] [-rounds N]
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"time"
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == rivalCommand {
		err = rival(os.Args[2:])
	} else {
		err = run(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchtest:", err)
		os.Exit(1)
	}
}

const preface = `# How fast jpsync is

` + "`make bench`" + ` prints this page for your machine; ` + "`make bench-docs`" + ` writes it.

A figure is a ratio of two processes that run in turn on a real disk, and the median of the rounds. jpsync does all that it always does: it
reads the manifest, plans, syncs the journal and writes the state. The bare loop sends the same requests through the same client, and has
no plan, no journal, no state and no retry. The bare decode is yaml.v3 reading the manifest into a struct. The servers answer on loopback.

| what | jpsync | the other | measured | goal | kept |
|---|---:|---:|---:|---:|---|
`

// run measures, prints the page, and fails when a figure misses its goal.
func run(args []string) (err error) {
	flags := flag.NewFlagSet("benchtest", flag.ContinueOnError)
	only := flags.String("only", "", "measure only the groups that match: program, many, creates, uploads, auto")
	rounds := flags.Int("rounds", 5, "how often each side runs at least")
	if err := flags.Parse(args); err != nil {
		return err
	}
	filter, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	b := &bench{rounds: *rounds, out: os.Stdout}
	// On a real disk, since an apply waits for it; /tmp often is in memory.
	if b.dir, err = os.MkdirTemp("/var/tmp", "jpsync-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.build(); err != nil {
		return err
	}
	fmt.Print(preface)
	for _, group := range []struct {
		name    string
		measure func() error
	}{
		{"program", b.program}, {"many", b.manyApps}, {"creates", b.creates}, {"uploads", b.uploads}, {"auto", b.auto},
	} {
		if !filter.MatchString(group.name) {
			continue
		}
		if err := group.measure(); err != nil {
			return fmt.Errorf("measure %s: %w", group.name, err)
		}
	}
	fmt.Printf("\nMeasured on %s, with %d cores, %s, %s/%s.\n", time.Now().UTC().Format(time.DateOnly),
		runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if b.missed > 0 {
		return fmt.Errorf("%d figures miss their goal", b.missed)
	}
	return nil
}
