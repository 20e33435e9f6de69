package manifest

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseLimit reads N or P%, as in policy.max_deletes: a count of 0 or more, or a share of 0
// to 100 percent. The error does not repeat s.
func ParseLimit(s string) (Limit, error) {
	digits, percent := strings.CutSuffix(s, "%")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return Limit{}, errors.New("must be a number such as 5 or a share such as 10%")
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > math.MaxInt32 {
		return Limit{}, errors.New("is too large")
	}
	if percent && n > 100 {
		return Limit{}, errors.New("is more than 100%")
	}
	return Limit{N: n, Percent: percent}, nil
}

// String returns the form that ParseLimit reads.
func (l Limit) String() string {
	if l.Percent {
		return strconv.Itoa(l.N) + "%"
	}
	return strconv.Itoa(l.N)
}

// Of returns how many of total the limit allows. A share is rounded down.
func (l Limit) Of(total int) int {
	if l.Percent {
		return int(int64(total) * int64(l.N) / 100)
	}
	return l.N
}

const day = 24 * time.Hour

// maxDuration is the longest duration that ParseDuration accepts. No certificate is valid for a
// century.
const maxDuration = 100 * 365 * day

// ParseDuration reads a whole number of days or weeks, as in 30d or 2w, or what
// [time.ParseDuration] reads, as in 12h. It accepts 0 to a hundred years. The error does not
// repeat s.
func ParseDuration(s string) (time.Duration, error) {
	malformed := errors.New("must be a length of time such as 30d, 2w or 12h")
	tooLong := errors.New("is longer than a hundred years")
	for suffix, unit := range map[string]time.Duration{"d": day, "w": 7 * day} {
		digits, ok := strings.CutSuffix(s, suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return 0, malformed
		}
		if n > uint64(maxDuration/unit) {
			return 0, tooLong
		}
		return time.Duration(n) * unit, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || s[0] == '-' || s[0] == '+' {
		return 0, malformed
	}
	if d > maxDuration {
		return 0, tooLong
	}
	return d, nil
}
