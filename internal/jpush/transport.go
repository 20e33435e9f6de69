package jpush

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	// idleTimeout is short of what load balancers commonly grant, so that it is we who
	// close an idle connection and no request meets one that is just being closed.
	idleTimeout     = 30 * time.Second
	maxHeaderBytes  = 64 << 10
	defaultMaxConns = 64
)

// newTransport makes the transport for a real endpoint. It asks for no compression, so a
// small answer can't unfold into a large one. Of the phases of an attempt it bounds those that
// come before the request is sent; the client bounds the whole.
func newTransport(endpoint *url.URL, maxConns int) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	t := &http.Transport{
		Proxy:                  proxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    handshakeTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           maxConns,
		MaxIdleConnsPerHost:    maxConns,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	if endpoint.Scheme == "http" {
		// Plain http stays on this machine: no proxy, whatever name the host has, and no
		// name that a resolver sends elsewhere.
		t.Proxy = nil
		dialer.ControlContext = refuseRemote
	}
	return t
}

// refuseRemote runs after the name is resolved and before the connection is opened.
func refuseRemote(_ context.Context, _, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || !addr.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("plain http is for loopback only, and the endpoint's host resolves to %s", address)
	}
	return nil
}

// proxyFromEnvironment is net/http's, but for its error, which quotes the proxy's URL and
// with it the proxy's password.
func proxyFromEnvironment(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("the proxy that HTTPS_PROXY names is not a URL")
	}
	return u, nil
}
