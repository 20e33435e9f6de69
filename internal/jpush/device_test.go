package jpush_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

const (
	appKey       = "CANARY0123456789abcdef01"
	masterSecret = "CANARY+master/secret=2"
)

func newDevices(t *testing.T, endpoint string) *jpush.Devices {
	t.Helper()
	d, err := jpush.NewDevices(jpush.Options{Endpoint: endpoint, Version: "1.2.3", Timeout: time.Minute})
	require.NoError(t, err)
	t.Cleanup(d.CloseIdleConnections)
	return d
}

func verify(d *jpush.Devices) error { return d.Verify(context.Background(), appKey, masterSecret) }

// TestVerifySends pins the request: one GET with the app's own pair, and nothing in its body.
func TestVerifySends(t *testing.T) {
	var requests atomic.Int32
	d := newDevices(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Empty(t, body)
		assert.Equal(t, "GET", r.Method)
		assert.Equal(t, "/v3/tags/", r.RequestURI)
		assert.Equal(t, http.Header{
			"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(appKey+":"+masterSecret))},
			"User-Agent":    {"jpsync/1.2.3"},
			"Accept":        {"application/json"},
		}, r.Header)
		io.WriteString(w, `{"tags":["vip"]}`)
	}))
	require.NoError(t, verify(d))
	assert.EqualValues(t, 1, requests.Load())
}

func TestDeviceEndpoints(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 jpush.DefaultDeviceEndpoint,
		"https://device.jpush.cn":          jpush.DefaultDeviceEndpoint,
		" HTTPS://Device.JPush.CN:443/v3 ": jpush.DefaultDeviceEndpoint,
		"http://127.0.0.1:8080":            "http://127.0.0.1:8080/v3/",
		"http://localhost/device/v3":       "http://localhost/device/v3/",
		"https://gw.example/a%2Fb":         "https://gw.example/a%2Fb/",
	} {
		d, err := jpush.NewDevices(jpush.Options{Endpoint: in})
		require.NoError(t, err, in)
		assert.Equal(t, want, d.Endpoint(), in)
	}
	for in, want := range map[string]string{
		"http://device.jpush.cn/v3/":       "in the clear",
		"http://192.0.2.1/v3/":             "in the clear",
		"https://CANARY:x@device.jpush.cn": "user information",
		"https://device.jpush.cn/?CANARY":  "a query",
		"ftp://device.jpush.cn":            "use https",
		"https://":                         "write it like " + jpush.DefaultDeviceEndpoint,
		"%":                                "write it like " + jpush.DefaultDeviceEndpoint,
	} {
		_, err := jpush.NewDevices(jpush.Options{Endpoint: in})
		require.ErrorContains(t, err, want, in)
		assert.NotContains(t, err.Error(), "CANARY")
	}
}

// TestVerifyFollowsNoRedirect: the pair would go to somebody else.
func TestVerifyFollowsNoRedirect(t *testing.T) {
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		d := newDevices(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other+"/v3/tags/", status)
		}))
		e := wantError(t, verify(d))
		assert.Equal(t, jpush.Redirected, e.Condition)
		assert.Equal(t, jpush.ClassStop, e.Class)
	}
	assert.Zero(t, elsewhere.Load())
}

// TestVerifyBoundsBodies compares what is allocated with what is sent, side by side.
func TestVerifyBoundsBodies(t *testing.T) {
	const sideBySide = 32
	chunk := []byte(strings.Repeat(`"a",`, 1<<14))
	d := newDevices(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"tags":[`)
		for range 1 << 14 { // 1 GiB
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for i := range sideBySide {
		all.Go(func() {
			var e *jpush.Error
			if err := d.Verify(context.Background(), fmt.Sprint("key", i), masterSecret); assert.ErrorAs(t, err, &e) {
				assert.Equal(t, jpush.ClassLost, e.Class)
				assert.Contains(t, e.Error(), "exceeds 1 MiB")
			}
		})
	}
	all.Wait()
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(sideBySide*16<<20))
}

// slowBody is larger than a small answer. What is beyond takes a second.
type slowBody struct {
	small *strings.Reader
	now   *atomic.Int32 // how many are being read beyond
	most  *atomic.Int32
}

func (b slowBody) Read(p []byte) (int, error) {
	if n, err := b.small.Read(p); err == nil {
		return n, nil
	}
	now := b.now.Add(1)
	for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
	}
	time.Sleep(time.Second)
	b.now.Add(-1)
	return 0, io.EOF
}

func (slowBody) Close() error { return nil }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestPairsShareThePlacesForLargeAnswers: each pair is a client of its own, and yet no more than
// eight large answers are read at once.
func TestPairsShareThePlacesForLargeAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		d, err := jpush.NewDevices(jpush.Options{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			body := slowBody{strings.NewReader(`{"tags":["` + strings.Repeat("a", 100<<10) + `"]}`), &now, &most}
			return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: body}, nil
		})})
		require.NoError(t, err)
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() { assert.NoError(t, d.Verify(context.Background(), fmt.Sprint("key", i), masterSecret)) })
		}
		all.Wait()
		assert.EqualValues(t, 8, most.Load())
	})
}

// TestARefusedPairEndsNoOther: each pair is an app's own, so nothing latches, not for the
// refused pair either.
func TestARefusedPairEndsNoOther(t *testing.T) {
	var requests atomic.Int32
	d := newDevices(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if key, _, _ := r.BasicAuth(); key == "gone" {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":{"code":7004,"message":"authentication failed"}}`)
			return
		}
		io.WriteString(w, `{"tags":[]}`)
	}))
	for range 3 {
		e := wantError(t, d.Verify(context.Background(), "gone", masterSecret))
		assert.Equal(t, jpush.PairRefused, e.Condition)
		assert.Equal(t, jpush.ClassApp, e.Class)
		assert.True(t, e.Sent)
		require.NoError(t, verify(d))
	}
	assert.EqualValues(t, 6, requests.Load())
}

func TestVerifyCanBeTriedAgain(t *testing.T) {
	for _, status := range []int{429, 500, 502, 503, 504} {
		for _, body := range []string{"", "<html>", `{"error":{"code":7000,"message":"m"}}`, `{"tags":[]}`} {
			d := newDevices(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(status)
				io.WriteString(w, body)
			}))
			e := wantError(t, verify(d))
			assert.True(t, e.Class.Retryable(), "%d %s", status, body)
			assert.Equal(t, 7*time.Second, e.RetryAfter)
			assert.Equal(t, status == 429, e.Busy())
		}
	}
}

// TestVerifySendsNoMalformedPair: a record that was edited by hand must not add a header.
func TestVerifySendsNoMalformedPair(t *testing.T) {
	var requests atomic.Int32
	d := newDevices(t, serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	for _, pair := range []struct{ key, secret, says string }{
		{"", masterSecret, "the app key is empty"},
		{appKey, "", "the master secret is empty"},
		{appKey + "\n", masterSecret, "the app key contains a control character"},
		{appKey + "\x00", masterSecret, "the app key contains a control character"},
		{appKey, masterSecret + "\r\nX-Evil: CANARY", "the master secret contains a control character"},
		{appKey, masterSecret + "\u0085", "the master secret contains a control character"},
		{appKey + ":CANARY", masterSecret, "the app key contains a colon"},
	} {
		e := wantError(t, d.Verify(context.Background(), pair.key, pair.secret))
		assert.Equal(t, jpush.BadArgument, e.Condition, "%q", pair)
		assert.Equal(t, jpush.ClassApp, e.Class, "%q", pair)
		assert.False(t, e.Sent)
		assert.ErrorContains(t, e, pair.says)
	}
	assert.Zero(t, requests.Load())
}

// TestVerifyRepeatsNoPair lets the server say both halves of the pair in every place.
func TestVerifyRepeatsNoPair(t *testing.T) {
	pair := base64.StdEncoding.EncodeToString([]byte(appKey + ":" + masterSecret))
	for _, said := range []string{appKey, masterSecret, appKey + ":" + masterSecret, pair, "Basic " + pair} {
		for name, answer := range map[string]string{
			"message":  fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{\"error\":{\"code\":7002,\"message\":%q}}", "bad "+said),
			"refusal":  fmt.Sprintf("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n{\"error\":{\"code\":7004,\"message\":%q}}", "no "+said),
			"location": "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: http://" + said + ".example/\r\n\r\n",
			"header":   "HTTP/1.1 200 OK\r\nbroken " + said + "\r\n\r\n",
			"protocol": said + "\r\n\r\n",
			"length":   "HTTP/1.1 200 OK\r\nContent-Length: " + said + "\r\n\r\n",
		} {
			d := newDevices(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					panic(err)
				}
				defer conn.Close()
				io.WriteString(conn, answer)
			}))
			e := wantError(t, verify(d))
			for _, text := range []string{e.Error(), e.Outcome(), e.Target, fmt.Sprintf("%#v", e.Err)} {
				assert.NotContains(t, text, pair, name)
			}
		}
	}
}
