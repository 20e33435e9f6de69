package sandbox

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"jpsync/internal/jpush"
)

// ParseFault parses a fault from a command line:
//
//	KIND{:PART}
//
// KIND is one of lost, drop, hang, html502, cutjson, slowheaders, endless, hugebody,
// gzipbomb, wrongtypes, redirect, auth, latency=DURATION, rate:N (N requests per second),
// code10, an API code (1012), or an HTTP status (503, 429). A PART is an operation (create,
// upload, delete, verify, any), the word committed, or one of
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
	for err == nil && rest != "" {
		if to, ok := strings.CutPrefix(rest, "to="); ok {
			f.To = to
			break
		}
		var part string
		part, rest, _ = strings.Cut(rest, ":")
		err = f.parsePart(part)
	}
	if err == nil {
		err = f.validate()
	}
	if err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", s, err)
	}
	return f, nil
}

func parseKind(head string) (Fault, error) {
	if head == "code10" {
		return Fault{Kind: Code, Code: jpush.CodeSystemError}, nil
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
	numbers := map[string]*int{
		"first": &f.First, "every": &f.Every, "from": &f.From, "times": &f.Times,
		"retry-after": &f.RetryAfter, "burst": &f.Burst, "code": &f.Code, "status": &f.Code,
	}
	switch {
	case key == "code" && f.Kind != Auth, key == "status" && f.Kind != Redirect:
		return fmt.Errorf("%s= does not go with %s", key, f.Kind)
	case numbers[key] != nil:
		*numbers[key], err = strconv.Atoi(value)
	case key == "prob":
		if f.Prob, err = strconv.ParseFloat(value, 64); err == nil && f.Prob == 0 {
			return errors.New("prob=0 is never: leave the fault out")
		}
	case key == "name":
		f.Name, err = url.PathUnescape(value)
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
	case jpush.OpCreate, jpush.OpUpload, jpush.OpDelete, jpush.OpVerify:
		f.Op = word
	case "committed":
		f.Committed = true
	default:
		n, err := strconv.ParseFloat(word, 64)
		if f.Kind != Rate || err != nil {
			return fmt.Errorf("%q is none of create, upload, delete, verify, any, committed", word)
		}
		f.PerSecond = n
	}
	return nil
}
