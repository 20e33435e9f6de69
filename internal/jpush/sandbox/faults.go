package sandbox

import (
	"encoding/binary"
	"path"
	"time"

	"golang.org/x/time/rate"
)

// faults is a list of faults with their counters. The server's lock guards it.
type faults struct {
	seed uint64
	list []armed
}

type armed struct {
	Fault
	seen, fired int
	perTarget   map[string]int
	bucket      *rate.Limiter
}

func (fs *faults) set(list []Fault, seed uint64) {
	fs.seed, fs.list = seed, make([]armed, len(list))
	for i, f := range list {
		fs.list[i] = armed{Fault: f, perTarget: map[string]int{}}
		if f.Kind == Rate {
			burst := f.Burst
			if burst == 0 {
				burst = max(1, int(f.PerSecond))
			}
			fs.list[i].bucket = rate.NewLimiter(rate.Limit(f.PerSecond), burst)
		}
	}
}

// next returns the delay and the fault of the server's nth request. A zero Fault is none.
func (fs *faults) next(n int, in incoming, names []string, now time.Time) (time.Duration, Fault) {
	var delay time.Duration
	for i := range fs.list {
		f := &fs.list[i]
		if !f.applies(fs.seed, i, n, in, names, now) {
			continue
		}
		f.fired++
		if f.Kind != Latency {
			return delay, f.Fault
		}
		delay += f.Delay
	}
	return delay, Fault{}
}

func (f *armed) applies(seed uint64, index, n int, in incoming, names []string, now time.Time) bool {
	if (f.Op != "" && f.Op != in.op) || !f.named(names) {
		return false
	}
	f.seen++
	nth := 0
	if f.First > 0 || f.Prob > 0 {
		target := in.target()
		f.perTarget[target]++
		nth = f.perTarget[target]
		if f.Prob > 0 && chance(seed, index, target, nth) >= f.Prob {
			return false
		}
	}
	switch {
	case f.First > 0 && nth > f.First,
		f.Every > 0 && f.seen%f.Every != 0,
		n < f.From,
		f.Times > 0 && f.fired >= f.Times,
		f.bucket != nil && f.bucket.AllowN(now, 1):
		return false
	}
	return true
}

func (f *armed) named(names []string) bool {
	if f.Name == "" {
		return true
	}
	for _, name := range names {
		if ok, _ := path.Match(f.Name, name); ok && name != "" {
			return true
		}
	}
	return false
}

// chance returns a number from 0 up to 1. It depends on the request and not on the order of
// requests, so that a seed fails the same ones however they are interleaved.
func chance(seed uint64, index int, target string, nth int) float64 {
	sum := hash(seed, "chance", target, "", index, nth)
	return float64(binary.LittleEndian.Uint64(sum[:])>>11) / (1 << 53)
}
