// Command benchtest measures jpsync as a process and prints ratios: to the least program that
// does the same work, or to itself with a tenth of the apps. Absolute times say more about
// the machine. Its servers answer on loopback.
//
//	go run ./internal/benchtest [-only REGEXP] [-rounds N] [-write FILE]
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
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

// run measures, prints a table, and fails when a figure is over its limit.
func run(args []string) (err error) {
	flags := flag.NewFlagSet("benchtest", flag.ContinueOnError)
	only := flags.String("only", "", "measure only the groups that match: program, many, creates, uploads, auto")
	rounds := flags.Int("rounds", 5, "how often each side runs")
	page := flags.String("write", "", "a file to write the page with the table to")
	dir := flags.String("dir", "/var/tmp", "where to work: on a real disk, since an apply waits for it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	filter, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	b := &bench{rounds: *rounds}
	if b.dir, err = os.MkdirTemp(*dir, "jpsync-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.build(); err != nil {
		return err
	}

	fmt.Print(tableHead)
	var figures []figure
	for _, group := range []struct {
		name    string
		measure func() ([]figure, error)
	}{
		{"program", b.program}, {"many", b.manyApps}, {"creates", b.creates}, {"uploads", b.uploads}, {"auto", b.auto},
	} {
		if !filter.MatchString(group.name) {
			continue
		}
		measured, err := group.measure()
		if err != nil {
			return fmt.Errorf("measure %s: %w", group.name, err)
		}
		for _, f := range measured {
			fmt.Print(f.row())
		}
		figures = append(figures, measured...)
	}
	if *page != "" {
		if err := os.WriteFile(*page, pageOf(figures), 0o644); err != nil {
			return err
		}
	}
	over := 0
	for _, f := range figures {
		if !f.kept {
			over++
		}
	}
	if over > 0 {
		return fmt.Errorf("%d of %d figures miss their goal", over, len(figures))
	}
	return nil
}
