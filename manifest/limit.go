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

// String is what ParseLimit reads.
func (l Limit) String() string {
	if l.Percent {
		return strconv.Itoa(l.N) + "%"
	}
	return strconv.Itoa(l.N)
}

// Of is how many of total the limit allows; a share is rounded down.
func (l Limit) Of(total int) int {
	if l.Percent {
		return int(int64(total) * int64(l.N) / 100)
	}
	return l.N
}

// maxDuration is the longest that ParseDuration accepts. A century is beyond every certificate.
const maxDuration = 100 * 365 * 24 * time.Hour

// ParseDuration reads a length of time with days and weeks: what [time.ParseDuration] reads,
// and the units d (24 hours) and w (7 days), as in 30d, 2w or 1d12h. It is at least 0 and at
// most a hundred years. The error does not repeat s.
func ParseDuration(s string) (time.Duration, error) {
	malformed := errors.New("must be a length of time such as 30d, 2w or 12h")
	if s == "0" {
		return 0, nil
	}
	if s == "" || len(s) > 64 || !isDigit(s[0]) {
		return 0, malformed
	}
	var total float64
	for s != "" {
		end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if end <= 0 {
			return 0, malformed
		}
		unit := strings.IndexFunc(s[end:], func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		if unit < 0 {
			unit = len(s) - end
		}
		number, err := strconv.ParseFloat(s[:end], 64)
		if err != nil {
			return 0, malformed
		}
		var each time.Duration
		switch name := s[end : end+unit]; name {
		case "d":
			each = 24 * time.Hour
		case "w":
			each = 7 * 24 * time.Hour
		default:
			if each, err = time.ParseDuration("1" + name); err != nil {
				return 0, malformed
			}
		}
		total += number * float64(each)
		s = s[end+unit:]
	}
	if total > float64(maxDuration) {
		return 0, errors.New("is longer than a hundred years")
	}
	return time.Duration(math.Round(total)), nil
}
