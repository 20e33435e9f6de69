package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// figure is one row of the table.
type figure struct {
	name        string
	ours, other string // what the ratio is of; empty where there is none
	value, goal string
	kept        bool
}

const tableHead = "| what | jpsync | the other | measured | goal | kept |\n|---|---:|---:|---:|---:|---|\n"

func (f figure) row() string {
	kept := "yes"
	if !f.kept {
		kept = "**no**"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", f.name, f.ours, f.other, f.value, f.goal, kept)
}

// side is one of the two programs of a comparison.
type side func() (usage, error)

// samples are the usages of both sides, round by round.
type samples struct{ ours, other []usage }

// compare runs both sides in each round, and a different one first in every other: what else
// the machine does then slows both alike.
func compare(rounds int, ours, other side) (samples, error) {
	s := samples{make([]usage, rounds), make([]usage, rounds)}
	for i := range rounds {
		runs := []func() error{
			func() (err error) { s.ours[i], err = ours(); return err },
			func() (err error) { s.other[i], err = other(); return err },
		}
		if i%2 == 1 {
			slices.Reverse(runs)
		}
		for _, run := range runs {
			if err := run(); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// wall is the figure of the time, which is at most so many times the other side's.
func (s samples) wall(name string, most float64) figure {
	return s.figure(name, most, func(u usage) float64 { return float64(u.wall) },
		func(v float64) string { return formatDuration(time.Duration(v)) })
}

// memory is the figure of the most memory that was resident.
func (s samples) memory(name string, most float64) figure {
	return s.figure(name, most, func(u usage) float64 { return float64(u.memory) },
		func(v float64) string { return fmt.Sprintf("%.0f MiB", v/mebibyte) })
}

// figure takes the median of the rounds' ratios: one disturbed round does not show.
func (s samples) figure(name string, most float64, of func(usage) float64, format func(float64) string) figure {
	var ours, other, ratios []float64
	for i := range s.ours {
		a, b := of(s.ours[i]), of(s.other[i])
		ours, other, ratios = append(ours, a), append(other, b), append(ratios, a/b)
	}
	ratio := median(ratios)
	return figure{
		name: name, ours: format(median(ours)), other: format(median(other)),
		value: fmt.Sprintf("%.2f×", ratio), goal: fmt.Sprintf("≤ %.4g×", most), kept: ratio <= most,
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	mid := len(v) / 2
	if len(v)%2 == 0 {
		return (v[mid-1] + v[mid]) / 2
	}
	return v[mid]
}

func formatDuration(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

const preface = `# How fast jpsync is

` + "`make bench`" + ` prints this table for your machine; ` + "`make bench-docs`" + ` writes this page.

A figure is a ratio of two processes that run in turn on a real disk, and the median of the rounds. jpsync does all that it always does: it
reads the manifest, plans, syncs the journal and writes the state. The bare loop sends the same requests through the same client, and has
no plan, no journal, no state and no retry. The bare decode is yaml.v3 reading the manifest into a struct. The servers answer on loopback.

`

// pageOf is docs/performance.md.
func pageOf(figures []figure) []byte {
	var b bytes.Buffer
	b.WriteString(preface + tableHead)
	for _, f := range figures {
		b.WriteString(f.row())
	}
	fmt.Fprintf(&b, "\nMeasured on %s, with %d cores (%s), %s, %s/%s.\n", time.Now().UTC().Format(time.DateOnly),
		runtime.NumCPU(), processor(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return b.Bytes()
}

// processor is the model's name, which only Linux tells without a library.
func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
