package main

import (
	"fmt"
	"io"
)

// sizes are the numbers of apps by which the cost is followed.
var sizes = []int{100, 1_000, 10_000, 100_000}

// mostGrowth is how much more the largest size may take than the one before, which has a
// tenth of the apps.
const mostGrowth = 12

// watched are the commands whose cost is followed, on an account in which nothing changes.
var watched = [][]string{
	{"plan"}, {"apply", "--auto-approve"}, {"show"}, {"output"}, {"certs"}, {"state", "list"},
}

// curve is what one command takes at each of the sizes, in seconds.
type curve struct {
	name  string
	takes []float64
}

// growth is the last step of a curve.
func (c curve) growth() float64 {
	n := len(c.takes)
	if n < 2 || c.takes[n-2] == 0 {
		return 0
	}
	return c.takes[n-1] / c.takes[n-2]
}

// grow measures the curves. The first one is an apply that creates everything.
func (w *world) grow(rounds int) ([]curve, error) {
	s, err := serve(0)
	if err != nil {
		return nil, err
	}
	defer s.close()
	curves := []curve{{name: "first apply"}}
	for _, args := range watched {
		name := args[0]
		switch {
		case name == "apply":
			name = "apply, unchanged"
		case len(args) > 1:
			name += " " + args[1]
		}
		curves = append(curves, curve{name: name})
	}
	var dirs []string
	for _, n := range sizes {
		dir, first, err := w.applied(s, n)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, dir)
		curves[0].takes = append(curves[0].takes, first.wall.Seconds())
	}
	for i, args := range watched {
		c := &curves[i+1]
		all := make([][]usage, len(dirs))
		// The sizes take turns, so that what else the machine does befalls all of them.
		for range rounds {
			for k, dir := range dirs {
				u, err := w.command(dir, s, args...).run()
				if err != nil {
					return nil, err
				}
				all[k] = append(all[k], u)
			}
		}
		for _, us := range all {
			c.takes = append(c.takes, medianUsage(us).wall.Seconds())
		}
	}
	return curves, nil
}

func printCurves(out io.Writer, curves []curve) {
	fmt.Fprint(out, "| command |")
	for _, n := range sizes {
		fmt.Fprintf(out, " %s |", grouped(n))
	}
	fmt.Fprint(out, " last step | kept |\n|---|")
	for range sizes {
		fmt.Fprint(out, "---|")
	}
	fmt.Fprintln(out, "---|---|")
	for _, c := range curves {
		fmt.Fprintf(out, "| %s |", c.name)
		for _, t := range c.takes {
			fmt.Fprintf(out, " %s |", took(seconds(t)))
		}
		verdict := "yes"
		if c.growth() > mostGrowth {
			verdict = "NO"
		}
		fmt.Fprintf(out, " **%.1f×** (≤ %d) | %s |\n", c.growth(), mostGrowth, verdict)
	}
}

// grouped writes a number with commas.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
