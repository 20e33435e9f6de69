package main

import (
	"fmt"
	"slices"
	"time"
)

// duel is one comparison: the same work done by jpsync and by another program, in turn.
type duel struct {
	name  string
	ours  func() (usage, error)
	other func() (usage, error)
	goal  goal
}

// goal is how much more than the other side jpsync may take. Zero is no matter.
type goal struct{ wall, user, memory float64 }

// outcome is a duel that was fought.
type outcome struct {
	duel
	ourMedian, otherMedian usage
	wall, user, memory     float64 // medians of the ratios of each round
}

// fight alternates the two sides, so that what else the machine does befalls both alike, and
// takes the median: one disturbed round says nothing.
func fight(d duel, rounds int) (outcome, error) {
	var ours, others []usage
	for i := range rounds {
		first, second := d.ours, d.other
		if i%2 == 1 {
			first, second = second, first
		}
		a, err := first()
		if err != nil {
			return outcome{}, fmt.Errorf("%s: %w", d.name, err)
		}
		b, err := second()
		if err != nil {
			return outcome{}, fmt.Errorf("%s: %w", d.name, err)
		}
		if i%2 == 1 {
			a, b = b, a
		}
		ours, others = append(ours, a), append(others, b)
	}
	ratio := func(of func(usage) float64) float64 {
		var all []float64
		for i := range ours {
			if theirs := of(others[i]); theirs > 0 {
				all = append(all, of(ours[i])/theirs)
			}
		}
		return median(all)
	}
	return outcome{
		duel: d, ourMedian: medianUsage(ours), otherMedian: medianUsage(others),
		wall:   ratio(func(u usage) float64 { return float64(u.wall) }),
		user:   ratio(func(u usage) float64 { return float64(u.user) }),
		memory: ratio(func(u usage) float64 { return float64(u.memory) }),
	}, nil
}

// kept reports whether every goal is kept.
func (o outcome) kept() bool {
	within := func(ratio, most float64) bool { return most == 0 || ratio <= most }
	return within(o.wall, o.goal.wall) && within(o.user, o.goal.user) && within(o.memory, o.goal.memory)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	if mid := len(v) / 2; len(v)%2 == 0 {
		return (v[mid-1] + v[mid]) / 2
	}
	return v[len(v)/2]
}

func medianUsage(all []usage) usage {
	var wall, user, memory []float64
	for _, u := range all {
		wall, user, memory = append(wall, float64(u.wall)), append(user, float64(u.user)), append(memory, float64(u.memory))
	}
	return usage{wall: time.Duration(median(wall)), user: time.Duration(median(user)), memory: int64(median(memory))}
}

// row is an outcome as a line of the Markdown table.
func (o outcome) row() string {
	verdict := "–"
	if o.goal != (goal{}) {
		verdict = "yes"
		if !o.kept() {
			verdict = "NO"
		}
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |", o.name, took(o.ourMedian.wall), took(o.otherMedian.wall),
		times(o.wall, o.goal.wall), times(o.user, o.goal.user), times(o.memory, o.goal.memory), verdict)
}

const tableHead = `| what | jpsync | the other | wall time | user time | memory | kept |
|---|---|---|---|---|---|---|`

// times shows a ratio, with its goal if it has one.
func times(ratio, most float64) string {
	switch {
	case ratio == 0:
		return "–"
	case most == 0:
		return fmt.Sprintf("%.2f×", ratio)
	}
	return fmt.Sprintf("**%.2f×** (≤ %.4g)", ratio, most)
}

func took(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
