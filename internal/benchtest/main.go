// Command benchtest measures jpsync as a process, side by side with the least that could do
// the same work, and prints ratios: absolute times say more about the machine. The servers
// are its own and on loopback.
//
//	go run ./internal/benchtest [-only REGEXP] [-rounds N] [-write docs]
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		err = bare(os.Args[2:])
	} else {
		err = measure(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchtest:", err)
		os.Exit(1)
	}
}

// bench is one run of this program.
type bench struct {
	*world
	only   *regexp.Regexp
	rows   *regexp.Regexp
	rounds int
	write  string // directory for the report; empty: none
	out    io.Writer
}

func measure(args []string) (err error) {
	flags := flag.NewFlagSet("benchtest", flag.ContinueOnError)
	only := flags.String("only", "", "measure only sections that match this expression")
	rows := flags.String("rows", "", "and of comparisons only rows that match this one")
	b := bench{world: &world{}, out: os.Stdout}
	flags.IntVar(&b.rounds, "rounds", 5, "how often each side runs")
	flags.StringVar(&b.jpsync, "jpsync", "", "the program to measure; built when it is not given")
	flags.StringVar(&b.write, "write", "", "a directory to write performance.md and its picture to")
	dir := flags.String("dir", "/var/tmp", "where to work: a real disk, since an apply waits for it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if b.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	if b.rows, err = regexp.Compile(*rows); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(*dir, "jpsync-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.programs(); err != nil {
		return err
	}
	if b.write == "" {
		return b.all()
	}
	return b.report()
}

// programs finds or builds the two sides.
func (b *bench) programs() (err error) {
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.jpsync == "" {
		b.jpsync, err = build(b.dir)
	} else {
		b.jpsync, err = filepath.Abs(b.jpsync)
	}
	return err
}

// section prints a heading, unless everything in it is left out.
func (b *bench) section(name string) bool {
	if !b.only.MatchString(name) {
		return false
	}
	fmt.Fprintf(b.out, "\n## %s\n\n", name)
	return true
}

// all measures everything.
func (b *bench) all() error {
	if b.section("Against the least that does the same") {
		duels, err := b.duels()
		if err != nil {
			return err
		}
		if err := b.fightAll(duels); err != nil {
			return err
		}
	}
	if b.section("Against scripts") {
		duels, err := b.scripts()
		if err != nil {
			return err
		}
		if err := b.fightAll(duels); err != nil {
			return err
		}
	}
	if b.section("Finding the pace") {
		if err := b.adaptive(b.out); err != nil {
			return err
		}
	}
	if b.section("From 100 to 100,000 apps") {
		return b.growing()
	}
	return nil
}

func (b *bench) fightAll(duels []duel) error {
	fmt.Fprintln(b.out, tableHead)
	for _, d := range duels {
		if !b.rows.MatchString(d.name) {
			continue
		}
		o, err := fight(d, b.rounds)
		if errors.Is(err, errAbsent) {
			fmt.Fprintf(b.out, "| %s | – | not installed | – | – | – | – |\n", d.name)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(b.out, o.row())
	}
	return nil
}

func (b *bench) growing() error {
	curves, err := b.grow(max(3, b.rounds))
	if err != nil {
		return err
	}
	printCurves(b.out, curves)
	if b.write == "" {
		return nil
	}
	fmt.Fprintln(b.out, "\n![time of each command by number of apps](growth.svg)")
	return os.WriteFile(filepath.Join(b.write, "growth.svg"), []byte(picture(curves)), 0o644)
}
