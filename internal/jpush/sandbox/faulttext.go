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

// ParseFault reads a fault as it stands on a command line:
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
// In a glob, %3A is a colon and %25 a percent sign. to= is the last part and goes to the
// end. For example lost:create:first=1, auth:from=20:code=4007, 1012:upload:name=shop-*,
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
	if err := f.Validate(); err != nil {
		return Fault{}, err
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

// String writes a fault so that [ParseFault] reads the same one.
func (f Fault) String() string {
	var b strings.Builder
	switch f.Kind {
	case Code:
		if f.Code == 10 {
			b.WriteString("code")
		}
		b.WriteString(strconv.Itoa(f.Code))
	case Status:
		b.WriteString(strconv.Itoa(f.Code))
	case Latency:
		b.WriteString("latency=" + f.Delay.String())
	case Rate:
		b.WriteString("rate:" + strconv.FormatFloat(f.PerSecond, 'f', -1, 64))
	default:
		b.WriteString(string(f.Kind))
	}
	part := func(key, value string, wanted bool) {
		if wanted {
			b.WriteString(":" + key + value)
		}
	}
	count := func(key string, n int) { part(key+"=", strconv.Itoa(n), n != 0) }
	part(f.Op, "", f.Op != "")
	part("committed", "", f.Committed)
	count("first", f.First)
	count("every", f.Every)
	count("from", f.From)
	count("times", f.Times)
	part("prob=", strconv.FormatFloat(f.Prob, 'f', -1, 64), f.Prob != 0)
	part("name=", strings.NewReplacer("%", "%25", ":", "%3A").Replace(f.Name), f.Name != "")
	count("retry-after", f.RetryAfter)
	count("burst", f.Burst)
	if f.Kind == Auth {
		count("code", f.Code)
	}
	if f.Kind == Redirect {
		count("status", f.Code)
	}
	part("to=", f.To, f.To != "")
	return b.String()
}
