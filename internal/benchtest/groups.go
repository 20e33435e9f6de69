package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"jpsync/internal/jpush/sandbox"
)

// program is what jpsync costs before it does anything.
func (b *bench) program() error {
	const mostMebibytes, mostStart = 20, 10 * time.Millisecond
	info, err := os.Stat(b.jpsync)
	if err != nil {
		return err
	}
	mebibytes := float64(info.Size()) / mebibyte
	b.print(figure{name: "the stripped program", value: fmt.Sprintf("%.1f MiB", mebibytes), goal: fmt.Sprintf("≤ %d MiB", mostMebibytes), kept: mebibytes <= mostMebibytes})

	var starts []time.Duration
	for range 21 {
		u, err := b.command(b.dir, "", "version")()
		if err != nil {
			return err
		}
		starts = append(starts, u.wall)
	}
	start := slices.Min(starts) // whatever made another one slower was not jpsync
	b.print(figure{name: "`jpsync version`, the fastest of 21", value: fmt.Sprintf("%.1f ms", start.Seconds()*1000), goal: fmt.Sprintf("≤ %d ms", mostStart.Milliseconds()), kept: start <= mostStart})
	return nil
}

// manyApps holds a plan against decoding the same file, and each command that reads or writes
// many apps against itself with a tenth of them: where it is linear, that ratio is 10.
func (b *bench) manyApps() error {
	const many, few, most = 100_000, 10_000, 12
	s := &service{}
	endpoint := serve(s)
	large, err := b.applied(endpoint, many)
	if err != nil {
		return err
	}
	small, err := b.applied(endpoint, few)
	if err != nil {
		return err
	}

	planned, err := compare(b.rounds, b.command(large, endpoint, "plan"), b.rival("-decode", filepath.Join(large, "jpsync.yaml")))
	if err != nil {
		return err
	}
	const name = "plan of 100,000 unchanged apps, to the bare decode"
	b.print(planned.wall(name, 1.5))
	b.print(planned.memory(name+", memory", 2))

	for _, command := range []string{"plan", "apply", "show", "output"} {
		err := b.wall(command+", nothing to do, 100,000 apps to 10,000", most, b.command(large, endpoint, command), b.command(small, endpoint, command))
		if err != nil {
			return err
		}
	}
	created, err := compare(min(3, b.rounds), b.create(s, endpoint, many, "16"), b.create(s, endpoint, few, "16"))
	if err != nil {
		return err
	}
	b.print(created.wall("apply that creates all, 100,000 apps to 10,000", most))
	return nil
}

// creates are held against a loop of the same client.
func (b *bench) creates() error {
	const apps = 5000
	for _, c := range []struct {
		latency     time.Duration
		parallelism int
		most        float64
	}{
		{20 * time.Millisecond, 64, 1.10},
		{5 * time.Millisecond, 8, 1.15},
		{0, 8, 2.5},
	} {
		s := &service{latency: c.latency}
		endpoint, parallelism := serve(s), strconv.Itoa(c.parallelism)
		err := b.wall(fmt.Sprintf("create 5,000 apps, %d at a time, answers after %v, to a bare loop", c.parallelism, c.latency), c.most,
			b.create(s, endpoint, apps, parallelism),
			b.rival("-n", strconv.Itoa(apps), "-parallelism", parallelism, "-endpoint", endpoint))
		if err != nil {
			return err
		}
	}
	return nil
}

// uploads are of a certificate for each app, by a saved plan.
func (b *bench) uploads() error {
	const apps, parallelism = 2000, "16"
	endpoint := serve(&service{latency: 20 * time.Millisecond})
	dir, err := b.applied(endpoint, apps)
	if err != nil {
		return err
	}
	certificates := filepath.Join(dir, "certs")
	if err := mint(certificates, apps); err != nil {
		return err
	}
	if err := writeManifest(dir, apps, "certs"); err != nil {
		return err
	}
	if _, err := b.command(dir, endpoint, "plan", "--quiet", "--out", "saved.plan")(); err != nil {
		return err
	}
	statePath := filepath.Join(dir, "jpsync.state.json")
	before, err := os.ReadFile(statePath)
	if err != nil {
		return err
	}
	apply := b.command(dir, endpoint, "apply", "--quiet", "--parallelism", parallelism, "saved.plan")
	again := func() (usage, error) { // with the state that the plan was made for
		if err := os.WriteFile(statePath, before, 0o600); err != nil {
			return usage{}, err
		}
		return apply()
	}
	return b.wall("upload 2,000 certificates by a saved plan, 16 at a time, answers after 20ms, to a bare loop", 1.1, again,
		b.rival("-n", strconv.Itoa(apps), "-parallelism", parallelism, "-endpoint", endpoint, "-certificates", certificates))
}

// auto holds --parallelism auto against the best fixed number, which is known only after
// all of them were tried.
func (b *bench) auto() error {
	const apps, least, mostRefused = 2000, 0.75, 0.03
	var best float64
	for _, parallelism := range []string{"2", "4", "8"} {
		speed, _, err := b.limited(apps, parallelism)
		if err != nil {
			return err
		}
		best = max(best, speed)
	}
	speed, refused, err := b.limited(apps, "auto")
	if err != nil {
		return err
	}
	perSecond := func(v float64) string { return fmt.Sprintf("%.0f/s", v) }
	const name = "--parallelism auto, 200 requests per second"
	b.print(figure{
		name: name + ", to the best fixed number", ours: perSecond(speed), other: perSecond(best),
		value: fmt.Sprintf("%.2f×", speed/best), goal: fmt.Sprintf("≥ %.4g×", least), kept: speed/best >= least,
	})
	b.print(figure{
		name:  name + ", status 429 in the second half",
		value: fmt.Sprintf("%.2f %%", 100*refused), goal: fmt.Sprintf("< %.4g %%", 100*mostRefused), kept: refused < mostRefused,
	})
	return nil
}

// limited creates apps on a simulator that takes 200 requests per second. It returns the
// apps per second, and which share of the answers of the second half was a 429.
func (b *bench) limited(apps int, parallelism string) (speed, refused float64, err error) {
	server, err := sandbox.New(sandbox.Options{KeepRequests: true, Faults: []sandbox.Fault{
		{Kind: sandbox.Latency, Delay: 20 * time.Millisecond},
		{Kind: sandbox.Rate, PerSecond: 200},
	}})
	if err != nil {
		return 0, 0, err
	}
	dir, err := b.project(apps)
	if err != nil {
		return 0, 0, err
	}
	u, err := b.command(dir, serve(server), "apply", "--auto-approve", "--quiet", "--max-attempts", "20", "--parallelism", parallelism)()
	return float64(apps) / u.wall.Seconds(), busyShare(server.Requests(), apps/2), err
}

// busyShare is the part of the requests that were answered with a 429, once so many others
// were accepted.
func busyShare(requests []sandbox.Request, settled int) float64 {
	accepted, all, busy := 0, 0, 0
	for _, r := range requests {
		if accepted >= settled {
			all++
			if r.Status == http.StatusTooManyRequests {
				busy++
			}
		}
		if r.Status == http.StatusOK {
			accepted++
		}
	}
	return float64(busy) / float64(max(1, all))
}
