package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/storetest"
	"jpsync/state"
	"jpsync/state/s3"
	"jpsync/state/shared"
	"jpsync/state/statetest"
)

// spoil answers a request in the store's place, or returns false.
type spoil func(w http.ResponseWriter, r *http.Request, next http.Handler) bool

func behind(t *testing.T, wrong spoil) *s3.Place {
	t.Helper()
	storetest.SetCredentials(t)
	next := storetest.FakeS3Handler(t, 0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !wrong(w, r, next) {
			next.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return place(t, storetest.S3Location(server.URL, "p"))
}

// told answers with an error of S3.
func told(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as the test says</Message></Error>", code)
	return true
}

// exists reports whether the store has what a request is about.
func exists(r *http.Request, next http.Handler) bool {
	get := httptest.NewRequest(http.MethodHead, r.URL.String(), nil)
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, get)
	return answer.Code == http.StatusOK
}

// TestOddStores run on stores that keep the contract in ways of their own.
func TestOddStores(t *testing.T) {
	for name, wrong := range map[string]func() spoil{
		"409 on a race": func() spoil { return busy(http.StatusConflict, "ConditionalRequestConflict") },
		"500 on a race": func() spoil { return busy(http.StatusInternalServerError, "InternalError") },
		"409 for a name that is taken": func() spoil {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				return r.Method == http.MethodPut && exists(r, next) && told(w, http.StatusConflict, "FileAlreadyExists")
			}
		},
		"429 for a key written twice a second": func() spoil {
			var mu sync.Mutex
			last := map[string]time.Time{}
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				mu.Lock()
				defer mu.Unlock()
				early := r.Method == http.MethodPut && time.Since(last[r.URL.Path]) < 200*time.Millisecond
				last[r.URL.Path] = time.Now()
				return early && told(w, http.StatusTooManyRequests, "SlowDown")
			}
		},
		"403 for what is missing": func() spoil {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				return r.Method == http.MethodGet && r.URL.RawQuery == "" && !exists(r, next) && told(w, http.StatusForbidden, "AccessDenied")
			}
		},
		"every third body is cut": func() spoil {
			var mu sync.Mutex
			n := 0
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				mu.Lock()
				n++
				cut := r.Method == http.MethodGet && n%3 == 0
				mu.Unlock()
				if cut {
					answer := httptest.NewRecorder()
					next.ServeHTTP(answer, r)
					for key, values := range answer.Header() {
						w.Header()[key] = values
					}
					w.WriteHeader(answer.Code)
					_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
					panic(http.ErrAbortHandler)
				}
				return false
			}
		},
		"a folder's own object": func() spoil {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				for _, folder := range []string{"/states/p/", "/states/p/log/", "/states/p/state/"} {
					put := httptest.NewRequest(http.MethodPut, folder, http.NoBody)
					put.Header.Set("Content-Length", "0")
					next.ServeHTTP(httptest.NewRecorder(), put)
				}
				return false
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := behind(t, wrong())
			for i := range 2 {
				require.NoError(t, statetest.FullRun(p, fmt.Sprint("run-", i)))
			}
			store, err := shared.New(p, 0)
			require.NoError(t, err)
			s, err := store.Load(t.Context())
			require.NoError(t, err)
			require.Len(t, s.Apps, 4)
			require.NoError(t, shared.Race(t.Context(), p))
		})
	}
}

// busy answers so to a create while another one of the same name is under way, and to every
// second one of a name that is taken.
func busy(status int, code string) spoil {
	var mu sync.Mutex
	n, under := map[string]int{}, map[string]int{}
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method != http.MethodPut {
			return false
		}
		mu.Lock()
		n[r.URL.Path]++
		under[r.URL.Path]++
		collides := under[r.URL.Path] > 1 || n[r.URL.Path]%2 == 0 && exists(r, next)
		mu.Unlock()
		defer func() {
			mu.Lock()
			under[r.URL.Path]--
			mu.Unlock()
		}()
		if collides {
			return told(w, status, code)
		}
		next.ServeHTTP(w, r)
		return true
	}
}

// TestWrongStores are refused before anything is sent to JPush, in a line that says what to do.
func TestWrongStores(t *testing.T) {
	html := func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>Sign in to the network</body></html>")
		return true
	}
	put := func(r *http.Request) bool { return r.Method == http.MethodPut }
	lists := func(r *http.Request) bool { return r.URL.Query().Get("list-type") == "2" }
	for name, c := range map[string]struct {
		wrong spoil
		want  string
	}{
		"ignores conditions": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			r.Header.Del("If-None-Match")
			return false
		}, "use a store that supports conditional writes"},
		"does not know conditions": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			return put(r) && told(w, http.StatusNotImplemented, "NotImplemented")
		}, "the store does not know conditional writes"},
		"HTML for a listing": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool { return lists(r) && html(w) },
			"the answer is not that of an S3 store"},
		"HTML for a put": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool { return put(r) && html(w) },
			"the answer is not that of an S3 store"},
		"a listing without end": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if lists(r) {
				fmt.Fprintf(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", time.Now().UnixNano())
			}
			return lists(r)
		}, "the listing has no end"},
		"a listing that goes in a circle": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if lists(r) {
				_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken></ListBucketResult>")
			}
			return lists(r)
		}, "and not where"},
		"no times": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if lists(r) {
				fmt.Fprintf(w, "<ListBucketResult><Contents><Key>%s000000000001</Key></Contents></ListBucketResult>", r.URL.Query().Get("prefix"))
			}
			return lists(r)
		}, "the store does not say when"},
		"a clock that is wrong": {func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			next.ServeHTTP(&dated{ResponseWriter: w, date: time.Now().Add(3 * time.Hour)}, r)
			return true
		}, "set the clocks of the store's servers"},
		"no clock": {func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			next.ServeHTTP(&dated{ResponseWriter: w}, r)
			return true
		}, "it sends no Date header"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		}, "redirects are not followed"},
		"no bucket":    {refusal(http.StatusNotFound, "NoSuchBucket"), "create the bucket"},
		"wrong region": {refusal(http.StatusBadRequest, "AuthorizationHeaderMalformed"), "region=…"},
		"moved bucket": {refusal(http.StatusMovedPermanently, "PermanentRedirect"), "region=…"},
		"clock skew":   {refusal(http.StatusForbidden, "RequestTimeTooSkewed"), "this machine's clock is off"},
		"expired":      {refusal(http.StatusBadRequest, "ExpiredToken"), "get new ones"},
		"unknown key":  {refusal(http.StatusForbidden, "InvalidAccessKeyId"), "check AWS_ACCESS_KEY_ID"},
		"wrong secret": {refusal(http.StatusForbidden, "SignatureDoesNotMatch"), "check AWS_SECRET_ACCESS_KEY"},
		"no right":     {refusal(http.StatusForbidden, "AccessDenied"), "grant s3:ListBucket on the bucket"},
		"no right to write": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			return put(r) && told(w, http.StatusForbidden, "AccessDenied")
		}, "grant s3:PutObject below the prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			p := behind(t, c.wrong)
			store, err := shared.New(p, 0)
			require.NoError(t, err)
			_, _, _, err = store.Open(t.Context(), state.Holder{})
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), storetest.SecretKey)
			require.ErrorContains(t, errors.Join(errs(shared.Examine(t.Context(), p))...), c.want, "and doctor says so")
			if !strings.Contains(name, "conditions") && !strings.Contains(name, "write") {
				return
			}
			_, err = store.Load(t.Context())
			require.NoError(t, err, "it can be read")
		})
	}
}

func refusal(status int, code string) spoil {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool { return told(w, status, code) }
}

func errs(findings []shared.Finding) (list []error) {
	for _, f := range findings {
		list = append(list, f.Err)
	}
	return list
}

// dated sends another Date; the zero time sends none.
type dated struct {
	http.ResponseWriter
	date time.Time
	sent bool
}

func (d *dated) WriteHeader(status int) {
	d.Header()["Date"] = nil
	if !d.date.IsZero() {
		d.Header().Set("Date", d.date.UTC().Format(http.TimeFormat))
	}
	d.sent = true
	d.ResponseWriter.WriteHeader(status)
}

func (d *dated) Write(p []byte) (int, error) {
	if !d.sent {
		d.WriteHeader(http.StatusOK)
	}
	return d.ResponseWriter.Write(p)
}

// TestCredentialsThatCannotBeRenewed may be renewed the next time, if there were any before.
func TestCredentialsThatCannotBeRenewed(t *testing.T) {
	var broken atomic.Bool
	role := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"AccessKeyId": %q, "SecretAccessKey": %q, "Expiration": "2020-01-01T00:00:00Z", "Code": "Success"}`,
			storetest.AccessKey, storetest.SecretKey)
	}))
	defer role.Close()
	storetest.SetCredentials(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.URL)
	location := storetest.S3Location(storetest.FakeS3(t), "p")
	p := place(t, location)
	list := func(p *s3.Place) error {
		_, _, err := p.List(t.Context(), "log/", "")
		return err
	}
	require.NoError(t, list(p))
	broken.Store(true)
	err := list(p)
	require.ErrorContains(t, err, "NoCredentials: the temporary ones could not be renewed")
	_, retried := errors.AsType[*shared.UnavailableError](err)
	require.True(t, retried)
	err = list(place(t, location))
	require.ErrorContains(t, err, "NoCredentials")
	_, retried = errors.AsType[*shared.UnavailableError](err)
	require.False(t, retried, "there never were any")
	broken.Store(false)
	require.NoError(t, list(p))
}

// TestNoServer has a remedy as well.
func TestNoServer(t *testing.T) {
	storetest.SetCredentials(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, _, err := place(t, storetest.S3Location("http://127.0.0.1:1", "p")).List(ctx, "log/", "")
	require.ErrorContains(t, err, "check the endpoint")
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	untrusted.Config.ErrorLog = nil
	_, _, err = place(t, storetest.S3Location(untrusted.URL, "p")).List(ctx, "log/", "")
	require.ErrorContains(t, err, "SSL_CERT_FILE")
	_, retried := errors.AsType[*shared.UnavailableError](err)
	require.False(t, retried, "it stays so")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, _, err = place(t, storetest.S3Location(strings.Replace(plain.URL, "http:", "https:", 1), "p")).List(ctx, "log/", "")
	require.ErrorContains(t, err, "check the endpoint")
}
