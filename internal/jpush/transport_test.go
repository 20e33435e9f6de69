package jpush

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRefuseRemote(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:80": true, "127.8.8.8:1": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"10.0.0.1:80": false, "[fe80::1%lo]:80": false, "93.184.216.34:80": false, "localhost:80": false, "": false,
	} {
		assert.Equal(t, ok, refuseRemote(context.Background(), "tcp", address, nil) == nil, address)
	}
}

// TestNewTransport pins what no server at hand can show.
func TestNewTransport(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:CANARY50%off@proxy.example/")
	endpoint := func(s string) *url.URL {
		u, err := url.Parse(s)
		require.NoError(t, err)
		return u
	}
	tr := newTransport(endpoint(DefaultEndpoint), 7)
	assert.EqualValues(t, tls.VersionTLS12, tr.TLSClientConfig.MinVersion)
	assert.False(t, tr.TLSClientConfig.InsecureSkipVerify)
	assert.True(t, tr.DisableCompression)
	assert.True(t, tr.ForceAttemptHTTP2)
	assert.Equal(t, 7, tr.MaxIdleConnsPerHost)
	assert.NotNil(t, tr.Proxy)
	_, err := ProxyFromEnvironment(&http.Request{URL: endpoint(DefaultEndpoint)})
	require.Error(t, err, "it is no reason to go without a proxy")
	assert.NotContains(t, err.Error(), "CANARY")
	for _, proxy := range []string{"", "127.0.0.1:3128", "http://proxy.example:3128"} {
		t.Setenv("HTTPS_PROXY", proxy)
		_, err := ProxyFromEnvironment(&http.Request{URL: endpoint(DefaultEndpoint)})
		assert.NoError(t, err)
	}

	tr = newTransport(endpoint("http://sandbox.localhost/v1/"), 7)
	assert.Nil(t, tr.Proxy, "a name under localhost is loopback's, whatever net/http thinks of it")
	_, err = tr.DialContext(context.Background(), "tcp", "192.0.2.1:80")
	assert.ErrorContains(t, err, "loopback only", "the dial is refused before it goes out")
}
