package jpush_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

// secure starts a server over TLS whose complaints about clients nobody reads.
func secure(t *testing.T, change func(*httptest.Server), h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{}
	if change != nil {
		change(server)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// TestUntrustedServersGetNothing: a certificate that nobody vouches for, one for another
// name, TLS that is too old, and no TLS at all. The run stops, and no request arrived.
func TestUntrustedServersGetNothing(t *testing.T) {
	var seen atomic.Int32
	count := func(w http.ResponseWriter, _ *http.Request) {
		seen.Add(1)
		io.WriteString(w, `{"app_key":"k"}`)
	}
	good := secure(t, nil, count)
	// A server for example.com whose authority is trusted, under a name that it is not for.
	trusting := good.Client().Transport.(*http.Transport).Clone()
	t.Cleanup(trusting.CloseIdleConnections)
	old := secure(t, func(s *httptest.Server) {
		s.TLS.MinVersion, s.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	}, count)
	plain := httptest.NewServer(http.HandlerFunc(count))
	t.Cleanup(plain.Close)

	cases := map[string]struct {
		endpoint  string
		transport http.RoundTripper
	}{
		"unknown authority": {good.URL, nil},
		"other name":        {strings.Replace(good.URL, "127.0.0.1", "localhost", 1), trusting},
		"old version":       {old.URL, nil},
		"no TLS":            {strings.Replace(plain.URL, "http:", "https:", 1), nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, tc.endpoint, func(o *jpush.Options) { o.Transport = tc.transport })
			e := wantError(t, create(c))
			assert.Equal(t, jpush.ClassStop, e.Class, e.Error())
			assert.Equal(t, jpush.Untrusted, e.Condition)
			assert.False(t, e.Sent)
		})
	}
	assert.Zero(t, seen.Load())
}

// gate holds back one app's requests before the transport sees them.
type gate struct {
	http.RoundTripper
	asked, goOn chan struct{}
}

func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/late/") {
		close(g.asked)
		<-g.goOn
	}
	return g.RoundTripper.RoundTrip(r)
}

// TestHTTP2 runs the latch over a connection that all calls share: the refusal must not
// disturb the calls that are on it.
func TestHTTP2(t *testing.T) {
	hold, arrived := make(chan struct{}), make(chan struct{})
	var versions sync.Map
	server := secure(t, func(s *httptest.Server) { s.EnableHTTP2 = true }, func(w http.ResponseWriter, r *http.Request) {
		versions.Store(r.Proto, true)
		if strings.HasSuffix(r.URL.Path, "/delete") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		arrived <- struct{}{}
		<-hold
		io.WriteString(w, `{"app_key":"k"}`)
	})
	tr := server.Client().Transport.(*http.Transport)
	t.Cleanup(tr.CloseIdleConnections)
	g := gate{tr, make(chan struct{}), make(chan struct{})}
	c := newClient(t, server.URL, func(o *jpush.Options) { o.Transport = g })
	var running sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		running.Go(func() { results[i] = create(c) })
	}
	for range results {
		<-arrived
	}
	late := make(chan error, 1)
	go func() { late <- c.DeleteApp(context.Background(), "late") }()
	<-g.asked
	assert.True(t, wantError(t, c.DeleteApp(context.Background(), "k")).Sent)
	close(g.goOn)
	e := wantError(t, <-late)
	assert.Equal(t, jpush.ClassAuth, e.Class)
	assert.False(t, e.Sent, "held back on a connection that others use")
	for range 50 {
		e := wantError(t, create(c))
		assert.Equal(t, jpush.ClassAuth, e.Class)
		assert.False(t, e.Sent)
	}
	close(hold)
	running.Wait()
	for _, err := range results {
		require.NoError(t, err)
	}
	_, h2 := versions.Load("HTTP/2.0")
	_, h1 := versions.Load("HTTP/1.1")
	assert.True(t, h2)
	assert.False(t, h1)
}
