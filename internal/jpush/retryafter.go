package jpush

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds how long a server can make us wait.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads how long the server asks to wait: Retry-After as seconds or a date (RFC
// 9110, 10.2.3), else, on a 429, X-Rate-Limit-Reset, which the documents of JPush's other
// APIs define as the seconds until the quota starts anew. What is no such value is 0.
func retryAfter(h http.Header, status int, now time.Time) time.Duration {
	if v := strings.TrimSpace(h.Get("Retry-After")); v != "" {
		if d, ok := seconds(v); ok {
			return d
		}
		if t, err := http.ParseTime(v); err == nil {
			return bounded(t.Sub(now))
		}
	}
	if status == http.StatusTooManyRequests {
		d, _ := seconds(strings.TrimSpace(h.Get("X-Rate-Limit-Reset")))
		return d
	}
	return 0
}

func seconds(v string) (time.Duration, bool) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	// ParseInt returns the nearest value that fits when it is out of range.
	return bounded(time.Duration(min(max(n, 0), int64(maxRetryAfter/time.Second))) * time.Second), true
}

func bounded(d time.Duration) time.Duration { return min(max(d, 0), maxRetryAfter) }
