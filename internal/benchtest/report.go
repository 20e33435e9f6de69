package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const preface = `# How fast jpsync is

Written by ` + "`make bench-docs`" + `; ` + "`make bench`" + ` prints the same for your machine.

Every figure is of whole processes on a real disk: reading the manifest, planning, writing and
syncing the journal, folding it into the state. The other side runs in turn with jpsync, and a
ratio is the median of the rounds; what it should not exceed stands beside it. The bare loop is
goroutines that post the same bodies with net/http: no plan, no journal, no state, no retry. The
servers answer on loopback, after a fixed time.
`

// report measures everything into a page of its own, and prints it as well.
func (b *bench) report() (err error) {
	if err := os.MkdirAll(b.write, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(b.write, "performance.md"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b.out = io.MultiWriter(b.out, f)
	fmt.Fprint(b.out, preface)
	fmt.Fprintf(b.out, "\n%s, %d cores (%s), %s, %s.\n", time.Now().UTC().Format(time.DateOnly),
		runtime.NumCPU(), processor(), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	if err := b.figures(); err != nil {
		return err
	}
	return b.all()
}

// figures are those of the program itself.
func (b *bench) figures() error {
	info, err := os.Stat(b.jpsync)
	if err != nil {
		return err
	}
	var all []usage
	for range 11 {
		u, err := (program{path: b.jpsync, args: []string{"version"}, dir: b.dir}).run()
		if err != nil {
			return err
		}
		all = append(all, u)
	}
	u := medianUsage(all)
	fmt.Fprintf(b.out, "The stripped program has **%.1f MiB** (≤ 16) and `jpsync version` takes **%s** of user time (≤ 10 ms), %s in all.\n",
		float64(info.Size())/(1<<20), took(u.user), took(u.wall))
	return nil
}

// processor is the model as Linux tells it.
func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
