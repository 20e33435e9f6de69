package main

import (
	"fmt"
	"slices"
	"time"
)

// figure is one row of the table.
type figure struct {
	name        string
	ours, other string // what the ratio is of; empty where there is none
	value, goal string
	kept        bool
}

func (b *bench) print(f figure) {
	kept := "yes"
	if !f.kept {
		kept = "**no**"
		b.missed++
	}
	fmt.Fprintf(b.out, "| %s | %s | %s | %s | %s | %s |\n", f.name, f.ours, f.other, f.value, f.goal, kept)
}

// side is one of the two programs of a comparison.
type side func() (usage, error)

// samples are the usages of both sides, round by round.
type samples struct{ ours, other []usage }

// compare runs both sides in each round, and a different one first in every other: what else
// the machine does then slows both alike. Short rounds, of which its noise is a larger part, are
// repeated for ten seconds, but at most five times as often as asked for.
func compare(rounds int, ours, other side) (s samples, err error) {
	sides := []struct {
		run    side
		usages *[]usage
	}{{ours, &s.ours}, {other, &s.other}}
	began := time.Now()
	for i := 0; i < rounds || i < 5*rounds && time.Since(began) < 10*time.Second; i++ {
		for _, side := range sides {
			u, err := side.run()
			if err != nil {
				return s, err
			}
			*side.usages = append(*side.usages, u)
		}
		slices.Reverse(sides)
	}
	return s, nil
}

// wall prints how many times the other side's time ours is, which may be most at the most.
func (b *bench) wall(name string, most float64, ours, other side) error {
	s, err := compare(b.rounds, ours, other)
	if err != nil {
		return err
	}
	b.print(s.wall(name, most))
	return nil
}

// wall is the figure of the time.
func (s samples) wall(name string, most float64) figure {
	return s.figure(name, most, func(u usage) float64 { return u.wall.Seconds() }, func(seconds float64) string {
		if seconds >= 1 {
			return fmt.Sprintf("%.2f s", seconds)
		}
		return fmt.Sprintf("%.0f ms", seconds*1000)
	})
}

// memory is the figure of the most memory that was resident.
func (s samples) memory(name string, most float64) figure {
	return s.figure(name, most, func(u usage) float64 { return float64(u.memory) },
		func(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/mebibyte) })
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
