package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// duels are the comparisons with the least that could do the same. The servers live as long
// as the program.
func (w *world) duels() ([]duel, error) {
	var all []duel
	for _, c := range []struct {
		apps, inFlight int
		latency        time.Duration
		most           float64
	}{
		{5000, 64, 20 * time.Millisecond, 1.05},
		{5000, 8, 5 * time.Millisecond, 1.05},
		{5000, 8, 0, 2},
	} {
		s, err := serve(c.latency)
		if err != nil {
			return nil, err
		}
		all = append(all, duel{
			name:  fmt.Sprintf("create %d apps, %d at a time, answers after %v, against a bare loop", c.apps, c.inFlight, c.latency),
			ours:  func() (usage, error) { return w.create(s, c.apps, c.inFlight) },
			other: w.rival("-n", strconv.Itoa(c.apps), "-c", strconv.Itoa(c.inFlight), "-url", s.endpoint()).run,
			goal:  goal{wall: c.most},
		})
	}
	uploads, err := w.uploadDuels(2000, 16, 20*time.Millisecond)
	if err != nil {
		return nil, err
	}
	idle, err := w.idleDuels(100_000)
	return append(append(all, uploads...), idle...), err
}

// create is an apply in a new directory: everything that a first run does.
func (w *world) create(s *server, apps, inFlight int) (usage, error) {
	dir, err := w.fresh()
	if err != nil {
		return usage{}, err
	}
	defer os.RemoveAll(dir)
	if err := manifest(dir, apps, ""); err != nil {
		return usage{}, err
	}
	before := s.served.Load()
	u, err := w.command(dir, s, "apply", "--auto-approve", "--quiet", "--parallelism", strconv.Itoa(inFlight)).run()
	if n := s.served.Load() - before; err == nil && n != int64(apps) {
		err = fmt.Errorf("%d requests were sent for %d apps", n, apps)
	}
	return u, err
}

// uploadDuels put a certificate into each of n apps that exist already. A saved plan has
// looked into the files before; without one each of them is opened as well, which takes the
// derivation of three keys.
func (w *world) uploadDuels(n, inFlight int, latency time.Duration) ([]duel, error) {
	s, err := serve(0)
	if err != nil {
		return nil, err
	}
	made, _, err := w.applied(s, n)
	if err != nil {
		return nil, err
	}
	s.latency = latency
	certs := filepath.Join(w.dir, "certs")
	if err := mint(certs, n); err != nil {
		return nil, err
	}
	recorded, err := os.ReadFile(filepath.Join(made, "jpsync.state.json"))
	if err != nil {
		return nil, err
	}
	upload := func(plan bool) (usage, error) {
		dir, err := w.fresh()
		if err != nil {
			return usage{}, err
		}
		defer os.RemoveAll(dir)
		if err := manifest(dir, n, "../certs"); err != nil {
			return usage{}, err
		}
		if err := os.WriteFile(filepath.Join(dir, "jpsync.state.json"), recorded, 0o600); err != nil {
			return usage{}, err
		}
		flags := []string{"--quiet", "--cert-root", ".."}
		apply := append([]string{"apply", "--auto-approve", "--parallelism", strconv.Itoa(inFlight)}, flags...)
		if plan {
			if _, err := w.command(dir, s, append([]string{"plan", "--out", "saved.plan"}, flags...)...).run(); err != nil {
				return usage{}, err
			}
			apply = append(apply, "saved.plan")
		}
		return w.command(dir, s, apply...).run()
	}
	rival := w.rival("-n", strconv.Itoa(n), "-c", strconv.Itoa(inFlight), "-url", s.endpoint(), "-certs", certs).run
	name := fmt.Sprintf("upload %d certificates, %d at a time, answers after %v", n, inFlight, latency)
	return []duel{
		{
			name: name + ", by a saved plan, against a bare loop",
			ours: func() (usage, error) { return upload(true) }, other: rival, goal: goal{wall: 1.1},
		},
		{
			name: name + ", opening and checking each file, against a bare loop that does not",
			ours: func() (usage, error) { return upload(false) }, other: rival, goal: goal{wall: 1.1},
		},
	}, nil
}

// idleDuels are about n apps of which none changes.
func (w *world) idleDuels(n int) ([]duel, error) {
	s, err := serve(0)
	if err != nil {
		return nil, err
	}
	dir, _, err := w.applied(s, n)
	if err != nil {
		return nil, err
	}
	plan := w.command(dir, s, "plan")
	apply := w.command(dir, s, "apply")
	return []duel{
		{
			name: fmt.Sprintf("plan %d apps, none changed, against decoding the same file with yaml.v3", n),
			ours: plan.run, other: w.rival("-yaml", filepath.Join(dir, "jpsync.yaml")).run,
			goal: goal{wall: 1.3, user: 1.3, memory: 1.5},
		},
		{
			name: fmt.Sprintf("apply %d apps, none changed, against plan", n),
			ours: apply.run, other: plan.run,
			// The same work but for the lock; the rest is room for noise.
			goal: goal{wall: 1.05, user: 1.05},
		},
	}, nil
}
