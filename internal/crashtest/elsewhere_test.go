package crashtest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/storetest"
)

// plannedElsewhere plans in one folder and applies the saved plan in another, once and no
// more. Meanwhile a third one plans.
func plannedElsewhere(t *testing.T, b *backend, certificate []byte) {
	w := newShared(t, b, 60, certificate, 100*time.Millisecond)
	w.long()
	code, out := w.run("", "plan", "--out", "plan.json")
	require.Equal(t, 0, code, out)
	plan, err := os.ReadFile(w.path("plan.json"))
	require.NoError(t, err)

	other := w.elsewhere(certificate)
	other.long()
	other.write("plan.json", string(plan))
	p := other.start("apply", "plan.json")
	w.reached(10)
	for range 2 {
		code, out = w.run("", "plan")
		require.Equal(t, 0, code, out)
	}
	code, out = p.wait()
	require.Equal(t, 0, code, out)

	requests := w.server.Counts().Requests
	for _, again := range []*world{other, w} {
		code, out = again.run("", "apply", "plan.json")
		require.Equal(t, 5, code, out)
	}
	require.Equal(t, requests, w.server.Counts().Requests)
	w.converge()
	require.Zero(t, w.compare(w.recorded()))
}

// TestAnUnconditionalBucketIsRefused: a store that overwrites what is there would let two
// runs write at once.
func TestAnUnconditionalBucketIsRefused(t *testing.T) {
	storetest.SetCredentials(t)
	target, err := url.Parse(storetest.FakeS3(t))
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-None-Match")
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(bucket.Close)
	w := newShared(t, bucketAt(bucket.URL), 5, p12(t), 0)
	for range 2 {
		code, out := w.run("", "apply", "--auto-approve")
		require.Equal(t, 1, code, out)
		require.Contains(t, out, "ignores the condition")
	}
	require.Zero(t, w.server.Counts().Requests)
}
