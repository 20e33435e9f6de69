package jpush_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"jpsync/internal/jpush"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	devKey    = "canary-dev-key"
	devSecret = "CANARY+dev/secret=1"
	password  = "CANARY p12&pass\"word"
)

var shop = jpush.App{Name: "Shop", AndroidPackage: "cn.example.shop"}

func newClient(t *testing.T, endpoint string, change func(*jpush.Options)) *jpush.Client {
	t.Helper()
	o := jpush.Options{Endpoint: endpoint, DevKey: devKey, DevSecret: devSecret, Timeout: time.Minute}
	if change != nil {
		change(&o)
	}
	c, err := jpush.New(o)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func wantError(t *testing.T, err error) *jpush.Error {
	t.Helper()
	var e *jpush.Error
	require.ErrorAs(t, err, &e)
	assert.NotContains(t, fmt.Sprintf("%v %+v", e, *e), "CANARY")
	return e
}

func create(c *jpush.Client) error {
	_, err := c.CreateApp(context.Background(), shop)
	return err
}

// A defect of ours, if it is one, is told with what was sent and without a secret.
func TestNoCertificateFileSaysWhatWasSent(t *testing.T) {
	var length int64
	c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		length = r.ContentLength
		io.WriteString(w, `{"error":{"code":1014,"message":"no certificate file"}}`)
	}), nil)
	e := wantError(t, c.UploadCertificate(context.Background(), "k",
		jpush.Certificate{Environment: jpush.Production, Filename: "certs/shop.p12", Data: []byte("data"), Password: password}))
	assert.Contains(t, e.Error(), fmt.Sprintf(`sent were 4 bytes of "shop.p12" in a form of %d bytes, as proCertificateFile and proCertificatePassword`, length))
}

// TestNoRedirectIsFollowed holds for every status, every call, and targets near and far.
func TestNoRedirectIsFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	host, err := url.Parse(other)
	require.NoError(t, err)
	for status := 300; status <= 308; status++ {
		for target, says := range map[string]string{other + "/v1/app": host.Hostname(), "/v2/app": "same host", "": "no target", "http://%zz": "not a URL"} {
			var here atomic.Int32
			c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				here.Add(1)
				if target != "" {
					w.Header().Set("Location", target)
				}
				w.WriteHeader(status)
			}), nil)
			calls := []func() error{
				func() error { return create(c) },
				func() error { return c.DeleteApp(context.Background(), "k") },
				func() error {
					return c.UploadCertificate(context.Background(), "k", jpush.Certificate{Environment: jpush.Production, Password: password})
				},
				func() error { return c.Probe(context.Background()) },
			}
			for i, call := range calls {
				e := wantError(t, call())
				assert.Equal(t, jpush.ClassStop, e.Class)
				assert.Equal(t, status, e.Status)
				assert.Contains(t, e.Error(), says)
				assert.EqualValues(t, i+1, here.Load())
			}
		}
	}
	assert.Zero(t, elsewhere.Load())
}

// TestRefusalLatches starts many calls at once against a server that refuses one of them
// and holds the others: those finish, and nothing starts after the refusal.
func TestRefusalLatches(t *testing.T) {
	const inFlight, after = 20, 200
	arrived := make(chan struct{}, inFlight+after)
	hold := make(chan struct{})
	var seen atomic.Int32
	c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "refuse") {
			w.WriteHeader(http.StatusUnauthorized)
			// The body stays away: the headers alone have to be enough.
			http.NewResponseController(w).Flush()
			arrived <- struct{}{}
			<-hold
			io.WriteString(w, `{"error":{"code":4005,"message":"dev_secret error"}}`)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/delete") {
			io.WriteString(w, `{"error":{"code":1015,"message":"app delete fail"}}`)
			return
		}
		arrived <- struct{}{}
		<-hold
		io.WriteString(w, `{"app_key":"k","is_new_created":true}`)
	}), nil)

	var running sync.WaitGroup
	results := make([]error, inFlight)
	for i := range inFlight {
		running.Go(func() { results[i] = create(c) })
	}
	for range inFlight {
		<-arrived
	}
	refused := make(chan error, 1)
	go func() {
		_, err := c.CreateApp(context.Background(), jpush.App{Name: "refuse", AndroidPackage: "r"})
		refused <- err
	}()
	<-arrived
	// The client sees the headers in its own time: ask until it has.
	for {
		err := c.DeleteApp(context.Background(), "waiting")
		if e := wantError(t, err); e.Class == jpush.ClassAuth {
			assert.False(t, e.Sent)
			break
		}
	}
	before := seen.Load()
	var late sync.WaitGroup
	for range after {
		late.Go(func() {
			var e *jpush.Error
			if !assert.ErrorAs(t, create(c), &e) {
				return
			}
			assert.Equal(t, jpush.ClassAuth, e.Class)
			assert.False(t, e.Sent)
			assert.False(t, e.OutcomeUnknown())
			assert.Equal(t, "app cn.example.shop", e.Target)
			assert.Contains(t, e.Error(), "not sent")
		})
	}
	late.Wait()
	assert.Equal(t, before, seen.Load(), "requests after the refusal")

	close(hold)
	running.Wait()
	for _, err := range results {
		assert.NoError(t, err, "in flight when the refusal came")
	}
	e := wantError(t, <-refused)
	assert.Equal(t, 4005, e.Code)
	assert.True(t, e.Sent)
	// Later calls tell what the body said in the end.
	e = wantError(t, create(c))
	assert.Equal(t, 4005, e.Code)
	assert.False(t, e.Sent)
}

// counted is a connection that counts the bytes written to it.
type counted struct {
	net.Conn
	written *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n))
	return n, err
}

// TestRefusalMeetsACallThatWaitsForItsConnection: the call sees the refusal when its
// connection is there, and writes nothing to it.
func TestRefusalMeetsACallThatWaitsForItsConnection(t *testing.T) {
	var dialed atomic.Int32
	var written atomic.Int64
	address := strings.TrimPrefix(serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusUnauthorized)
	}), "http://")
	asked, goOn := make(chan struct{}), make(chan struct{})
	tr := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		first := dialed.Add(1) == 1
		if first {
			close(asked)
			<-goOn
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if first {
			conn = counted{conn, &written}
		}
		return conn, err
	}}
	defer tr.CloseIdleConnections()
	c := newClient(t, "http://sandbox.localhost/v1/", func(o *jpush.Options) { o.Transport = tr })
	waiting := make(chan error, 1)
	go func() { waiting <- c.DeleteApp(context.Background(), "k") }()
	<-asked
	assert.True(t, wantError(t, create(c)).Sent)
	close(goOn)
	e := wantError(t, <-waiting)
	assert.Equal(t, jpush.ClassAuth, e.Class)
	assert.False(t, e.Sent)
	assert.Zero(t, written.Load())
}

// TestNothingIsSentTwice kills a kept connection on the second request, which is when
// net/http would send a request without a body again.
func TestNothingIsSentTwice(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var requests atomic.Int32
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for i := range 2 {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					io.Copy(io.Discard, req.Body)
					requests.Add(1)
					if i == 0 {
						io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"success\":\"ok\"}")
					}
				}
			})
		}
	})
	t.Cleanup(func() { listener.Close(); serving.Wait() })
	c := newClient(t, "http://"+listener.Addr().String(), nil)
	require.NoError(t, c.DeleteApp(context.Background(), "k"))
	e := wantError(t, c.DeleteApp(context.Background(), "k"))
	assert.Equal(t, jpush.ClassLost, e.Class)
	assert.True(t, e.OutcomeUnknown())
	assert.EqualValues(t, 2, requests.Load())
	c.CloseIdleConnections()
}

func TestConnectionsAreReused(t *testing.T) {
	var conns atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "delete") {
			io.WriteString(w, `{"error":{"code":1015,"message":"app delete fail"}}`)
			return
		}
		io.WriteString(w, `{"app_key":"k"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := newClient(t, server.URL, nil)
	for range 20 {
		require.NoError(t, create(c))
		assert.Equal(t, 1015, wantError(t, c.DeleteApp(context.Background(), "k")).Code)
	}
	assert.EqualValues(t, 1, conns.Load())
}

func TestUnreachableSendsNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	e := wantError(t, create(newClient(t, "http://"+listener.Addr().String(), nil)))
	assert.Equal(t, jpush.ClassLost, e.Class)
	assert.Equal(t, jpush.Unreachable, e.Condition)
	assert.False(t, e.Sent)
	assert.False(t, e.OutcomeUnknown())
}

// mute is a transport that fails and does not call the trace.
type mute struct{}

func (mute) RoundTrip(*http.Request) (*http.Response, error) { return nil, net.ErrClosed }

func TestDoubtCountsAsSent(t *testing.T) {
	c, err := jpush.New(jpush.Options{DevKey: "k", DevSecret: "s", Transport: mute{}})
	require.NoError(t, err)
	err = c.DeleteApp(context.Background(), "key")
	var e *jpush.Error
	require.ErrorAs(t, err, &e)
	assert.True(t, e.OutcomeUnknown())
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestContext(t *testing.T) {
	arrived := make(chan struct{})
	c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}), nil)

	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-arrived; cancel() }()
	_, err := c.CreateApp(ctx, shop)
	e := wantError(t, err)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, jpush.Interrupted, e.Condition)
	assert.True(t, e.OutcomeUnknown())

	_, err = c.CreateApp(ctx, shop)
	e = wantError(t, err)
	assert.ErrorIs(t, err, context.Canceled)
	assert.False(t, e.OutcomeUnknown(), "cancelled before it began")

	why := errors.New("somebody said so")
	ctx2, cancel2 := context.WithCancelCause(context.Background())
	go func() { <-arrived; cancel2(why) }()
	err = c.DeleteApp(ctx2, "k")
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, why)
}

func TestAnswersThatCannotBeTrusted(t *testing.T) {
	for body, want := range map[string]struct {
		condition jpush.Condition
		says      string
	}{
		`{"app_key":"a/../b"}`:                                   {jpush.BrokenKey, `"a/../b"`},
		`{"app_key":" "}`:                                        {jpush.BrokenKey, `" "`},
		`{"app_key":"` + strings.Repeat("a", 129) + `"}`:         {jpush.BrokenKey, "aaa"},
		`{"app_key":"k1","android_package":"cn.example.other"}`:  {jpush.OtherPackage, "cn.example.other"},
		`{"app_key":"k1","android_package":7}`:                   {jpush.OtherPackage, "k1 of 7"},
		`{"app_key":"` + devSecret + `","android_package":null}`: {jpush.BrokenKey, "[secret]"},
	} {
		e := wantError(t, create(newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }), nil)))
		assert.Equal(t, jpush.ClassApp, e.Class, body)
		assert.Equal(t, want.condition, e.Condition, body)
		assert.Contains(t, e.Error(), want.says)
	}
	e := wantError(t, create(newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"app_key":"k1","android_package":"cn.example.other"}`)
	}), nil)))
	assert.Contains(t, e.Error(), "k1")
	assert.Contains(t, e.Error(), shop.AndroidPackage)
}

// TestSecretsDoNotComeBack lets the server say every secret in every shape, in messages,
// headers and broken protocol.
func TestSecretsDoNotComeBack(t *testing.T) {
	pair := devKey + ":" + devSecret
	for _, secret := range []string{devSecret, password, pair, base64.StdEncoding.EncodeToString([]byte(pair))} {
		for _, shape := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))} {
			for name, answer := range map[string]string{
				"message":  fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"error\":{\"code\":1012,\"message\":%q}}", "bad "+shape),
				"header":   "HTTP/1.1 200 OK\r\nbroken " + shape + "\r\n\r\n",
				"protocol": shape + "\r\n\r\n",
				"location": "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: http://" + strings.ToLower(base64.RawURLEncoding.EncodeToString([]byte("x"))) + shape + ".example/\r\n\r\n",
				"length":   "HTTP/1.1 200 OK\r\nContent-Length: " + shape + "\r\n\r\n",
			} {
				c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body)
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						panic(err)
					}
					defer conn.Close()
					io.WriteString(conn, answer)
				}), nil)
				e := wantError(t, c.UploadCertificate(context.Background(), "k",
					jpush.Certificate{Environment: jpush.Production, Filename: "a.p12", Password: password}))
				for err := error(e); err != nil; err = errors.Unwrap(err) {
					assert.NotContains(t, err.Error(), shape, name)
				}
			}
		}
	}
}

func TestBadArguments(t *testing.T) {
	c := newClient(t, "http://127.0.0.1:1", nil)
	for _, key := range []string{"", ".", ".."} {
		e := wantError(t, c.DeleteApp(context.Background(), key))
		assert.Equal(t, jpush.BadArgument, e.Condition)
		assert.Equal(t, jpush.ClassApp, e.Class)
		assert.False(t, e.Sent)
	}
	assert.Equal(t, jpush.BadArgument, wantError(t, c.UploadCertificate(context.Background(), "k", jpush.Certificate{Environment: "staging"})).Condition)
}

func TestAppKeyIsEscaped(t *testing.T) {
	paths := make(chan string, 1)
	c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		paths <- r.RequestURI
		io.WriteString(w, `{"success":"ok"}`)
	})+"/a%2Fb", nil)
	require.NoError(t, c.DeleteApp(context.Background(), "x/../y?z#é"))
	assert.Equal(t, "/a%2Fb/app/x%2F..%2Fy%3Fz%23%C3%A9/delete", <-paths)
}

func TestProbe(t *testing.T) {
	for body, ok := range map[string]bool{
		`{"error":{"code":4002,"message":"m"}}`: true, `{"error":{"code":4003,"message":"m"}}`: true,
		`{"error":{"code":10,"message":"m"}}`: false, `{"app_key":"k"}`: false, `{}`: false, `<html>`: false,
	} {
		c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			assert.Equal(t, "{}", string(sent))
			assert.Equal(t, "/v1/app", r.URL.Path)
			io.WriteString(w, body)
		}), nil)
		assert.Equal(t, ok, c.Probe(context.Background()) == nil, body)
	}
}

// TestBodiesAreBounded compares what is allocated with what is sent.
func TestBodiesAreBounded(t *testing.T) {
	chunk := []byte(strings.Repeat("a", 1<<16))
	for name, length := range map[string]string{"chunked": "", "promised": "1073741824"} {
		c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			io.WriteString(w, `{"app_key":"`)
			for range 1 << 14 { // 1 GiB
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}), nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e := wantError(t, create(c))
		runtime.ReadMemStats(&after)
		assert.Equal(t, jpush.ClassLost, e.Class)
		assert.Contains(t, e.Error(), "exceeds 1 MiB")
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), name)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("a", 1<<20))
		io.WriteString(w, `{"app_key":"k"}`)
	}), nil)
	assert.Equal(t, jpush.ClassLost, wantError(t, create(c)).Class)
}

func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"app_key":"k"}`) })
	require.NoError(t, create(newClient(t, address, nil)), "no proxy for loopback")
}
