package sandbox

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"jpsync/internal/jpush"
)

// Kind is a way to misbehave.
type Kind string

// The kinds. Those marked committed execute the request before they misbehave; the others do
// so with [Fault.Committed].
const (
	Code        Kind = "code"        // an API error: Fault.Code
	Status      Kind = "status"      // an HTTP status with a line of text: Fault.Code
	Auth        Kind = "auth"        // 401 with Fault.Code, one of 4004 to 4007; 0: 4005
	Lost        Kind = "lost"        // committed, then the connection is cut
	Drop        Kind = "drop"        // the connection is cut before the request is executed
	Hang        Kind = "hang"        // no answer, until the client gives up
	HTML        Kind = "html502"     // a proxy's page with status 502
	CutJSON     Kind = "cutjson"     // committed, the answer's second half is missing
	SlowHeaders Kind = "slowheaders" // a header line per second, without an end
	Endless     Kind = "endless"     // a body without an end
	HugeBody    Kind = "hugebody"    // committed, an answer of 8 MiB
	GzipBomb    Kind = "gzipbomb"    // a compressed body of 512 MiB, which was not asked for
	WrongTypes  Kind = "wrongtypes"  // committed, every field of the answer has another type
	Redirect    Kind = "redirect"    // Fault.Code (0: 307) to Fault.To
	Latency     Kind = "latency"     // a delay of Fault.Delay; other faults may follow
	Rate        Kind = "rate"        // 429 beyond Fault.PerSecond requests per second
)

// Fault says how and when to misbehave. It applies to a request if all of its conditions
// hold. The first fault of a list that applies is used; latencies are added to it.
type Fault struct {
	Kind Kind
	// Code is an API code for Code and Auth, an HTTP status for Status and Redirect.
	Code int

	Op    string  // jpush.OpCreate, OpUpload, OpDelete or OpVerify; empty: any
	Name  string  // a glob for the app's name, package or key; empty: any
	First int     // only the first N requests of each app, operation and environment
	Every int     // only each Nth request that Op and Name let through
	From  int     // only from the Nth of all requests on
	Times int     // at most N times
	Prob  float64 // only with this probability, 0 to 1; 0: always

	Committed  bool          // execute the request before misbehaving
	RetryAfter int           // seconds, in a Retry-After header; 0: none
	Delay      time.Duration // of Latency
	PerSecond  float64       // of Rate
	Burst      int           // of Rate: how many at once; 0: a second's worth
	To         string        // of Redirect; empty: the same path on other.localhost
}

// validate reports what makes a fault meaningless.
func (f Fault) validate() error {
	row, known := jpush.LookupCode(f.Code)
	switch f.Kind {
	case Code:
		if !known {
			return fmt.Errorf("the API has no code %d", f.Code)
		}
	case Auth:
		if f.Code != 0 && !(known && row.Class == jpush.ClassAuth) {
			return fmt.Errorf("code %d is none of 4004 to 4007", f.Code)
		}
	case Status:
		if f.Code < 200 || f.Code > 599 {
			return errors.New("HTTP statuses go from 200 to 599")
		}
	case Redirect:
		if f.Code != 0 && (f.Code < 300 || f.Code > 399) {
			return errors.New("redirects have statuses from 300 to 399")
		}
	case Latency:
		if f.Delay <= 0 {
			return errors.New("say how long, as in latency=20ms")
		}
	case Rate:
		if !(f.PerSecond > 0) || f.PerSecond > 1e9 {
			return errors.New("say how many requests per second, as in rate:200")
		}
	case Lost, Drop, Hang, HTML, CutJSON, SlowHeaders, Endless, HugeBody, GzipBomb, WrongTypes:
	default:
		return fmt.Errorf("there is no fault of kind %q", f.Kind)
	}
	if !slices.Contains([]string{"", jpush.OpCreate, jpush.OpUpload, jpush.OpDelete, jpush.OpVerify}, f.Op) {
		return fmt.Errorf("operation %q is none of create, upload, delete, verify", f.Op)
	}
	if _, err := path.Match(f.Name, ""); err != nil {
		return errors.New("name is no glob")
	}
	if min(f.First, f.Every, f.From, f.Times, f.RetryAfter, f.Burst) < 0 {
		return errors.New("counts are not negative")
	}
	if !(f.Prob >= 0 && f.Prob <= 1) {
		return errors.New("prob goes from 0 to 1")
	}
	return nil
}

// armed is a fault with its counters. The server's lock guards it.
type armed struct {
	Fault
	seed        uint64
	index       int // in the list
	seen, fired int
	perTarget   map[string]int
	bucket      *rate.Limiter
}

func arm(list []Fault, seed uint64) []*armed {
	faults := make([]*armed, len(list))
	for i, f := range list {
		faults[i] = &armed{Fault: f, seed: seed, index: i, perTarget: map[string]int{}}
		if f.Kind == Rate {
			burst := cmp.Or(f.Burst, max(1, int(f.PerSecond)))
			faults[i].bucket = rate.NewLimiter(rate.Limit(f.PerSecond), burst)
		}
	}
	return faults
}

// next returns the delay and the fault of the server's nth request. A zero Fault is none.
func next(faults []*armed, n int, in incoming, names []string) (time.Duration, Fault) {
	var delay time.Duration
	for _, f := range faults {
		if !f.applies(n, in, names) {
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

func (f *armed) applies(n int, in incoming, names []string) bool {
	if (f.Op != "" && f.Op != in.op) || !f.named(names) {
		return false
	}
	f.seen++
	nth := 0
	if f.First > 0 || f.Prob > 0 {
		target := in.target()
		f.perTarget[target]++
		nth = f.perTarget[target]
		if f.Prob > 0 && f.chance(target, nth) >= f.Prob {
			return false
		}
	}
	switch {
	case f.First > 0 && nth > f.First,
		f.Every > 0 && f.seen%f.Every != 0,
		n < f.From,
		f.Times > 0 && f.fired >= f.Times,
		f.bucket != nil && f.bucket.Allow():
		return false
	}
	return true
}

func (f *armed) named(names []string) bool {
	return f.Name == "" || slices.ContainsFunc(names, func(name string) bool {
		ok, _ := path.Match(f.Name, name)
		return ok && name != ""
	})
}

// chance returns a number from 0 up to 1. It depends on the request and not on the order of
// requests, so that a seed fails the same ones however they are interleaved.
func (f *armed) chance(target string, nth int) float64 {
	sum := hash(f.seed, "chance", target, f.index, nth)
	return float64(binary.LittleEndian.Uint64(sum[:])>>11) / (1 << 53)
}
