package jpush

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// partPrefixes start the names of an environment's two multipart fields.
var partPrefixes = map[Environment]string{Development: "dev", Production: "pro"}

// encodeCertificate returns the multipart body of an upload: the file, then its password,
// which is written even if it is empty.
func encodeCertificate(c Certificate) (body []byte, contentType string, err error) {
	prefix, ok := partPrefixes[c.Environment]
	if !ok {
		return nil, "", fmt.Errorf("unknown environment %q", c.Environment)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	file, err := w.CreateFormFile(prefix+"CertificateFile", baseName(c.Filename))
	if err == nil {
		_, err = file.Write(c.Data)
	}
	err = errors.Join(err, w.WriteField(prefix+"CertificatePassword", c.Password), w.Close())
	return b.Bytes(), w.FormDataContentType(), err
}

// baseName cuts at the separators of Unix and Windows: the path may come from either.
func baseName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "" || name == "." || name == ".." {
		return "certificate.p12"
	}
	return name
}

// maxRetryAfter limits how long a server can make a run wait.
const maxRetryAfter = 5 * time.Minute

// retryAfter returns how long the server asks to wait: Retry-After in seconds or as a date
// (RFC 9110, 10.2.3), or else, on a 429, X-Rate-Limit-Reset, which the documents of JPush's
// other APIs define as the seconds until the quota starts anew. An invalid value is 0.
func retryAfter(h http.Header, status int, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if d, ok := seconds(value); ok {
		return d
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(t.Sub(now), 0), maxRetryAfter)
	}
	if status != http.StatusTooManyRequests {
		return 0
	}
	d, _ := seconds(strings.TrimSpace(h.Get("X-Rate-Limit-Reset")))
	return d
}

func seconds(value string) (time.Duration, bool) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	// Out of range, ParseInt returns the nearest value that fits.
	n = min(max(n, 0), int64(maxRetryAfter/time.Second))
	return time.Duration(n) * time.Second, true
}
