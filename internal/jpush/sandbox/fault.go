package sandbox

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"path"
	"time"

	"golang.org/x/time/rate"

	"jpsync/internal/jpush"
)

// Kind is a way to misbehave.
type Kind string

// The kinds. Those that are committed do what was asked before they misbehave; the others
// do so with [Fault.Committed].
const (
	Code        Kind = "code"        // an API error: Fault.Code
	Status      Kind = "status"      // an HTTP status with a line of text: Fault.Code
	Auth        Kind = "auth"        // 401 with Fault.Code, one of 4004 to 4007; 0: 4005
	Lost        Kind = "lost"        // committed, then the connection is cut
	Drop        Kind = "drop"        // the connection is cut, nothing was done
	Hang        Kind = "hang"        // no answer, until the client gives up
	HTML        Kind = "html502"     // a proxy's page with status 502
	CutJSON     Kind = "cutjson"     // committed, the answer's second half is missing
	SlowHeaders Kind = "slowheaders" // a header line per second, without an end
	Endless     Kind = "endless"     // a body without an end
	HugeBody    Kind = "hugebody"    // committed, an answer of 8 MiB
	GzipBomb    Kind = "gzipbomb"    // a compressed body that unfolds to 512 MiB, never asked for
	WrongTypes  Kind = "wrongtypes"  // committed, every field of the answer has another type
	Redirect    Kind = "redirect"    // Fault.Code (0: 307) to Fault.To
	Latency     Kind = "latency"     // Fault.Delay, then whatever follows
	Rate        Kind = "rate"        // 429 beyond Fault.PerSecond requests per second
)

// Fault says how and when to misbehave. Several conditions all have to hold. The first
// fault of a list that applies to a request is the one that it meets; latency comes on top.
type Fault struct {
	Kind Kind
	// Code is an API code for Code and Auth, an HTTP status for Status and Redirect.
	Code int

	Op    string  // jpush.OpCreate, OpUpload or OpDelete; empty: any
	Name  string  // a glob for the app's name, package or key; empty: any
	First int     // only the first N requests for each app, operation and environment
	Every int     // only each Nth request that Op and Name let through
	From  int     // only from the Nth of all requests on
	Times int     // only so often
	Prob  float64 // only with this chance, 0 to 1; 0: always

	Committed  bool          // do what was asked before misbehaving
	RetryAfter int           // seconds, in a Retry-After header; 0: none
	Delay      time.Duration // of Latency
	PerSecond  float64       // of Rate
	Burst      int           // of Rate: how many at once; 0: a second's worth
	To         string        // of Redirect; empty: the same path on other.localhost
}

// Validate reports what makes a fault meaningless.
func (f Fault) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("fault %q: %s", f.String(), fmt.Sprintf(format, args...))
	}
	row, known := jpush.LookupCode(f.Code)
	switch f.Kind {
	case Code:
		if !known {
			return bad("the API has no code %d", f.Code)
		}
	case Auth:
		if f.Code != 0 && !(known && row.Class == jpush.ClassAuth) {
			return bad("code %d is none of 4004 to 4007", f.Code)
		}
	case Status:
		if f.Code < 200 || f.Code > 599 {
			return bad("HTTP statuses go from 200 to 599")
		}
	case Redirect:
		if f.Code != 0 && (f.Code < 300 || f.Code > 399) {
			return bad("redirects have statuses from 300 to 399")
		}
	case Latency:
		if f.Delay <= 0 {
			return bad("say how long, as in latency=20ms")
		}
	case Rate:
		if !(f.PerSecond > 0) || f.PerSecond > 1e9 {
			return bad("say how many requests per second, as in rate:200")
		}
	case Lost, Drop, Hang, HTML, CutJSON, SlowHeaders, Endless, HugeBody, GzipBomb, WrongTypes:
	default:
		return fmt.Errorf("there is no fault of kind %q", f.Kind)
	}
	switch f.Op {
	case "", jpush.OpCreate, jpush.OpUpload, jpush.OpDelete:
	default:
		return bad("operation %q is none of create, upload, delete, any", f.Op)
	}
	if _, err := path.Match(f.Name, ""); err != nil {
		return bad("name is no glob")
	}
	if f.First < 0 || f.Every < 0 || f.From < 0 || f.Times < 0 || f.RetryAfter < 0 || f.Burst < 0 {
		return bad("counts are not negative")
	}
	if !(f.Prob >= 0 && f.Prob <= 1) {
		return bad("prob goes from 0 to 1")
	}
	return nil
}

// faults is a list of faults with what is counted for each. The server's lock guards it.
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

// meet returns the delay and the fault for the server's nth request; a zero Fault is none.
func (fs *faults) meet(n int, in incoming, names []string, now time.Time) (time.Duration, Fault) {
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

// chance is a number from 0 up to 1 that hangs on the request and not on its turn, so that
// the same seed fails the same requests however they are interleaved.
func chance(seed uint64, index int, target string, nth int) float64 {
	h := fnv.New64a()
	b := binary.LittleEndian.AppendUint64(nil, seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(index))
	b = binary.LittleEndian.AppendUint64(b, uint64(nth))
	h.Write(b)
	h.Write([]byte(target))
	x := h.Sum64()
	// FNV's high bits move little at the end of the input; this spreads them (splitmix64).
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}
