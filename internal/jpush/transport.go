package jpush

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// DefaultEndpoint is the Admin API's address as its documents give it.
const DefaultEndpoint = "https://admin.jpush.cn/v1/"

// NormalizeEndpoint checks an endpoint and returns the form in which it is compared and
// recorded: scheme and host in lower case, no default port, a trailing slash, /v1/ if it
// has no path.
//
// Plain http is allowed to loopback only (127.0.0.0/8, ::1, localhost and the names under
// it, RFC 6761), since the credentials travel in a header. User information, a query or a
// fragment is an error. No error repeats them.
func NormalizeEndpoint(endpoint string) (string, error) {
	return normalize(endpoint, DefaultEndpoint, "/v1/")
}

// normalize takes an example for its errors, and the path of an endpoint that has none.
func normalize(endpoint, example, usualPath string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(endpoint))
	if err != nil {
		// The error of url.Parse quotes its input, which may hold a password.
		return "", errors.New("the endpoint is not a URL; write it like " + example)
	}
	if u.User != nil {
		return "", errors.New("the endpoint carries user information; leave it out, credentials have their own settings")
	}
	if u.RawQuery != "" || u.ForceQuery || strings.Contains(endpoint, "#") {
		return "", errors.New("the endpoint carries a query or a fragment; leave it out")
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if host == "" {
		return "", fmt.Errorf("endpoint %q names no host; write it like %s", endpoint, example)
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(host):
	case u.Scheme == "http":
		return "", fmt.Errorf("endpoint %q is plain http, which would send the credentials in the clear; use https (http is for loopback only)", endpoint)
	default:
		return "", fmt.Errorf("endpoint %q has scheme %q; use https", endpoint, u.Scheme)
	}
	if strings.HasSuffix(u.Host, ":") {
		return "", fmt.Errorf("endpoint %q ends its host with a colon but names no port", endpoint)
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
		return "", fmt.Errorf("endpoint %q has port %s; ports go from 1 to 65535", endpoint, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host += ":" + port
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/") + "/"
	if path == "/" {
		path = usualPath
	}
	return u.Scheme + "://" + host + path, nil
}

// isLoopback takes a host without port and brackets, in lower case.
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	// idleTimeout is shorter than that of common load balancers. So the client closes an
	// idle connection first, and no request meets one that is being closed.
	idleTimeout     = 30 * time.Second
	maxHeaderBytes  = 64 << 10
	defaultMaxConns = 64
)

// newTransport returns the transport for a real endpoint. It asks for no compression, so
// that a small answer cannot expand into a large one. Its timeouts cover the phases before
// the request is sent; [Options.Timeout] covers the whole attempt.
func newTransport(endpoint *url.URL, maxConns int) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	t := &http.Transport{
		Proxy: ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &limitedConn{Conn: c}, nil
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    handshakeTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           maxConns,
		MaxIdleConnsPerHost:    maxConns,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	if endpoint.Scheme == "http" {
		// Plain http stays on this machine: no proxy, and no name that resolves to
		// another one.
		t.Proxy = nil
		dialer.ControlContext = refuseRemote
	}
	return t
}

// attempt follows one request through the transport.
type attempt struct {
	client   *Client
	cancel   context.CancelCauseFunc
	deadline time.Time
	waited   atomic.Bool // the transport asked for a connection
	sent     atomic.Bool // it got one, and the request may be on it
	withheld atomic.Bool // it got one after the credentials were refused
}

func (a *attempt) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { a.waited.Store(true) },
		GotConn: a.gotConn,
	})
}

// gotConn is called right before the transport writes. A request that waited for its
// connection while the credentials were refused must not go out.
func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	limitWrites(info.Conn, a.deadline)
	if a.client.refused.Load() == nil {
		a.sent.Store(true)
		return
	}
	a.withheld.Store(true)
	a.cancel(errRefused)
	// HTTP/1 writes without a look at the context, but the connection is ours alone.
	// HTTP/2 looks at it, and others use the connection.
	if c, ok := info.Conn.(*tls.Conn); !ok || c.ConnectionState().NegotiatedProtocol != "h2" {
		info.Conn.Close()
	}
}

// maySent reports whether the request may have left. It may have if the transport does not
// call the trace.
func (a *attempt) maySent() bool { return a.sent.Load() || !a.waited.Load() }

// limitedConn takes nothing more once the deadline of its latest request is over. The clock
// is read right before the system call: a process that was asleep since the request began
// sends nothing when it wakes, although its timers have not fired yet.
type limitedConn struct {
	net.Conn
	deadline atomic.Pointer[time.Time]
}

func (c *limitedConn) Write(p []byte) (int, error) {
	if end := c.deadline.Load(); end != nil && passed(*end) {
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Write(p)
}

// passed asks both clocks, since the monotonic one stands still while a machine is suspended.
func passed(t time.Time) bool {
	now := time.Now()
	return !now.Before(t) || !now.Round(0).Before(t.Round(0))
}

// limitWrites sets the deadline of the connection under c. Several requests share one of
// HTTP/2; their deadlines come in the order of their starts.
func limitWrites(c net.Conn, deadline time.Time) {
	for {
		switch conn := c.(type) {
		case *limitedConn:
			conn.deadline.Store(&deadline)
			return
		case *tls.Conn:
			c = conn.NetConn()
		default:
			return
		}
	}
}

// refuseRemote is called after the name is resolved and before the connection is opened.
func refuseRemote(_ context.Context, _, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || !addr.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("plain http is for loopback only, and the endpoint's host resolves to %s", address)
	}
	return nil
}

// ProxyFromEnvironment is [http.ProxyFromEnvironment], but for a proxy that is no URL: that one is an
// error, and not the same as none. The error does not quote it, since it may hold a password.
func ProxyFromEnvironment(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if given := cmp.Or(os.Getenv("HTTPS_PROXY"), os.Getenv("https_proxy")); err == nil && u == nil && r.URL.Scheme == "https" {
		if _, err = url.Parse(given); err != nil {
			_, err = url.Parse("http://" + given) // net/http adds the scheme too
		}
	}
	if err != nil {
		return nil, errors.New("the proxy that HTTPS_PROXY names is not a URL")
	}
	return u, nil
}
