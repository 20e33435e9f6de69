package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// trial is one apply against a simulator.
type trial struct {
	perSecond float64
	refused   float64 // share of the requests that were told to slow down, in the second half
}

// adaptive compares --parallelism auto with the best fixed number, which a user would have to
// find out first.
func (w *world) adaptive(out io.Writer) error {
	fmt.Fprintln(out, "| service | best fixed | requests per second | auto | auto / best | 429 once settled | kept |\n|---|---|---|---|---|---|---|")
	for _, c := range []struct {
		name   string
		faults []string
		apps   int
		fixed  []string
	}{
		{"200 requests per second, answers after 20ms", []string{"latency=20ms", "rate:200"}, 4000, []string{"2", "4", "8"}},
		{"200 requests per second, 20 at once, answers after 100ms", []string{"latency=100ms", "rate:200:burst=20"}, 4000, []string{"8", "16", "20"}},
		{"50 requests per second, answers after 20ms", []string{"latency=20ms", "rate:50"}, 1000, []string{"1", "2"}},
		{"no limit, answers after 20ms", []string{"latency=20ms"}, 5000, []string{"32", "64"}},
	} {
		best, at := trial{}, ""
		for _, parallelism := range c.fixed {
			t, err := w.try(c.faults, c.apps, parallelism)
			if err != nil {
				return err
			}
			if t.perSecond > best.perSecond {
				best, at = t, parallelism
			}
		}
		t, err := w.try(c.faults, c.apps, "auto")
		if err != nil {
			return err
		}
		verdict := "yes"
		if t.perSecond < 0.9*best.perSecond || t.refused >= 0.01 {
			verdict = "NO"
		}
		fmt.Fprintf(out, "| %s | %s | %.0f | %.0f | **%.2f** (≥ 0.9) | **%.2f %%** (< 1) | %s |\n",
			c.name, at, best.perSecond, t.perSecond, t.perSecond/best.perSecond, 100*t.refused, verdict)
	}
	_, err := fmt.Fprint(out, paceNote)
	return err
}

const paceNote = `
The whole of each run counts, the search included. The best fixed number is known only after all of
them were tried; twenty at once is exactly what the second service takes, and a 429 of its costs a
second for which it keeps nothing in reserve.
`

// try applies to a simulator of its own.
func (w *world) try(faults []string, apps int, parallelism string) (trial, error) {
	dir, err := w.fresh()
	if err != nil {
		return trial{}, err
	}
	defer os.RemoveAll(dir)
	if err := manifest(dir, apps, ""); err != nil {
		return trial{}, err
	}
	args := []string{"sandbox", "--addr", "127.0.0.1:0"}
	for _, f := range faults {
		args = append(args, "--fault", f)
	}
	sandbox := exec.Command(w.jpsync, args...)
	said, err := sandbox.StdoutPipe()
	if err != nil {
		return trial{}, err
	}
	if err := sandbox.Start(); err != nil {
		return trial{}, fmt.Errorf("start the simulator: %w", err)
	}
	defer func() {
		_ = sandbox.Process.Kill()
		_ = sandbox.Wait() // it was killed
	}()
	endpoint, key, secret, err := greeting(said)
	if err != nil {
		return trial{}, err
	}
	apply := exec.Command(w.jpsync, "apply", "--auto-approve", "--format", "json", "--max-attempts", "20", "--parallelism", parallelism)
	apply.Dir = dir
	apply.Env = []string{"JPSYNC_ENDPOINT=" + endpoint, "JPUSH_DEV_KEY=" + key, "JPUSH_DEV_SECRET=" + secret}
	return watch(apply, apps)
}

// greeting reads where the simulator listens and what it takes.
func greeting(said io.Reader) (endpoint, key, secret string, err error) {
	lines := bufio.NewScanner(said)
	for endpoint == "" || key == "" || secret == "" {
		if !lines.Scan() {
			return "", "", "", fmt.Errorf("the simulator did not say where it listens: %w", io.ErrUnexpectedEOF)
		}
		for _, word := range strings.Fields(lines.Text()) {
			name, value, found := strings.Cut(word, "=")
			switch {
			case strings.HasPrefix(word, "http://"):
				endpoint = word
			case found && name == "JPUSH_DEV_KEY":
				key = value
			case found && name == "JPUSH_DEV_SECRET":
				secret = value
			}
		}
	}
	return endpoint, key, secret, nil
}

// watch runs an apply and follows its events.
func watch(apply *exec.Cmd, apps int) (trial, error) {
	out, err := apply.StdoutPipe()
	if err != nil {
		return trial{}, err
	}
	began := time.Now()
	if err := apply.Start(); err != nil {
		return trial{}, err
	}
	done, refused := 0, 0
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct{ Type string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return trial{}, fmt.Errorf("read the events: %w", err)
		}
		switch {
		case e.Type == "apply_complete":
			done++
		case e.Type == "retry" && done > apps/2:
			refused++
		}
	}
	if err := apply.Wait(); err != nil || done != apps {
		return trial{}, fmt.Errorf("apply with %v: %d of %d apps: %w", apply.Args, done, apps, err)
	}
	return trial{
		perSecond: float64(apps) / time.Since(began).Seconds(),
		refused:   float64(refused) / (float64(apps)/2 + float64(refused)),
	}, nil
}
