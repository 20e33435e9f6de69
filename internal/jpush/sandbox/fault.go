package sandbox

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

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

	Op    string  // jpush.OpCreate, OpUpload or OpDelete; empty: any
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

// ParseFault parses a fault from a command line:
//
//	KIND{:PART}
//
// KIND is one of lost, drop, hang, html502, cutjson, slowheaders, endless, hugebody,
// gzipbomb, wrongtypes, redirect, auth, latency=DURATION, rate:N (N requests per second),
// code10, an API code (1012), or an HTTP status (503, 429). A PART is an operation (create,
// upload, delete, any), the word committed, or one of
//
//	first=N every=N from=N times=N prob=P name=GLOB retry-after=SECONDS
//	code=N (of auth) status=N, to=URL (of redirect) burst=N (of rate)
//
// In a glob, %3A is a colon and %25 a percent sign. to= is the last part and extends to the
// end. Examples are lost:create:first=1, auth:from=20:code=4007, 1012:upload:name=shop-*,
// 429:every=10:retry-after=2, redirect:status=308:to=https://other.example/.
func ParseFault(s string) (Fault, error) {
	head, rest, _ := strings.Cut(s, ":")
	f, err := parseKind(head)
	if err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", s, err)
	}
	for rest != "" {
		if to, ok := strings.CutPrefix(rest, "to="); ok {
			f.To, rest = to, ""
			break
		}
		var part string
		part, rest, _ = strings.Cut(rest, ":")
		if err := f.parsePart(part); err != nil {
			return Fault{}, fmt.Errorf("fault %q: %w", s, err)
		}
	}
	if err := f.validate(); err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", s, err)
	}
	return f, nil
}

func parseKind(head string) (Fault, error) {
	if head == "code10" {
		return Fault{Kind: Code, Code: 10}, nil
	}
	if n, err := strconv.Atoi(head); err == nil {
		if n < 1000 {
			return Fault{Kind: Status, Code: n}, nil
		}
		return Fault{Kind: Code, Code: n}, nil
	}
	if value, ok := strings.CutPrefix(head, string(Latency)+"="); ok {
		d, err := time.ParseDuration(value)
		if err != nil {
			return Fault{}, fmt.Errorf("%q is no duration like 20ms or 3s", value)
		}
		return Fault{Kind: Latency, Delay: d}, nil
	}
	switch Kind(head) {
	case Code, Status:
		return Fault{}, errors.New("give the number itself, as in 1012 or 503")
	}
	return Fault{Kind: Kind(head)}, nil
}

func (f *Fault) parsePart(part string) (err error) {
	key, value, hasValue := strings.Cut(part, "=")
	if !hasValue {
		return f.parseWord(part)
	}
	switch key {
	case "first":
		f.First, err = strconv.Atoi(value)
	case "every":
		f.Every, err = strconv.Atoi(value)
	case "from":
		f.From, err = strconv.Atoi(value)
	case "times":
		f.Times, err = strconv.Atoi(value)
	case "prob":
		f.Prob, err = strconv.ParseFloat(value, 64)
	case "retry-after":
		f.RetryAfter, err = strconv.Atoi(value)
	case "burst":
		f.Burst, err = strconv.Atoi(value)
	case "name":
		f.Name, err = url.PathUnescape(value)
	case "code", "status":
		if (key == "code") != (f.Kind == Auth) || (key == "status") != (f.Kind == Redirect) {
			return fmt.Errorf("%s= does not go with %s", key, f.Kind)
		}
		f.Code, err = strconv.Atoi(value)
	default:
		return fmt.Errorf("there is no %q; there are first, every, from, times, prob, name, retry-after, code, status, burst, to", key)
	}
	if err != nil {
		return fmt.Errorf("%s=%s cannot be read", key, value)
	}
	return nil
}

func (f *Fault) parseWord(word string) error {
	switch word {
	case "any":
		f.Op = ""
	case jpush.OpCreate, jpush.OpUpload, jpush.OpDelete:
		f.Op = word
	case "committed":
		f.Committed = true
	default:
		n, err := strconv.ParseFloat(word, 64)
		if f.Kind != Rate || err != nil {
			return fmt.Errorf("%q is none of create, upload, delete, any, committed", word)
		}
		f.PerSecond = n
	}
	return nil
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
	if !slices.Contains([]string{"", jpush.OpCreate, jpush.OpUpload, jpush.OpDelete}, f.Op) {
		return fmt.Errorf("operation %q is none of create, upload, delete", f.Op)
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
