package sandbox_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
)

const tags = "/v3/tags/"

// shops is an account with two apps, of which old is deleted.
func shops(t *testing.T, faults ...sandbox.Fault) (*sandbox.Server, sandbox.App) {
	t.Helper()
	s := newServer(t, sandbox.Options{Seed: 1, Faults: faults})
	app := sandbox.App{AppKey: "ffbb0932c267d938941e470b", MasterSecret: "b0b1b2b3b4b5b6b7b8b9babb", Name: "Shop", AndroidPackage: "cn.example.shop"}
	require.NoError(t, s.Preload(app,
		sandbox.App{AppKey: "old", MasterSecret: "old-secret", Name: "Old", AndroidPackage: "cn.example.old", Deleted: true}))
	return s, app
}

func newDevices(t *testing.T, w wire, h http.Handler) *jpush.Devices {
	t.Helper()
	o := jpush.Options{Endpoint: sandbox.DeviceEndpoint, Timeout: time.Minute}
	if w.name == "socket" {
		o.Endpoint, o.Transport = w.dial(t, h)
	} else {
		_, o.Transport = w.dial(t, h)
	}
	d, err := jpush.NewDevices(o)
	require.NoError(t, err)
	t.Cleanup(d.CloseIdleConnections)
	return d
}

// TestTags pins the answers.
func TestTags(t *testing.T) {
	const refused = `{"error":{"code":7004,"message":"authentication failed"}}`
	s, app := shops(t)
	for name, tc := range map[string]struct {
		method, path, key, secret string
		status                    int
		body                      string
	}{
		"good pair":          {"GET", tags, app.AppKey, app.MasterSecret, 200, `{"tags":[]}`},
		"wrong secret":       {"GET", tags, app.AppKey, app.MasterSecret + "x", 401, refused},
		"no secret":          {"GET", tags, app.AppKey, "", 401, refused},
		"no such app":        {"GET", tags, "0123456789abcdef01234567", app.MasterSecret, 401, refused},
		"deleted app":        {"GET", tags, "old", "old-secret", 401, refused},
		"secret of another":  {"GET", tags, app.AppKey, "old-secret", 401, refused},
		"no pair":            {"GET", tags, "", "", 401, refused},
		"the account's":      {"GET", tags, sandbox.DevKey, sandbox.DevSecret, 401, refused},
		"POST":               {"POST", tags, app.AppKey, app.MasterSecret, 405, "Method Not Allowed\n"},
		"DELETE":             {"DELETE", tags, app.AppKey, app.MasterSecret, 405, "Method Not Allowed\n"},
		"POST, wrong secret": {"POST", tags, app.AppKey, "x", 405, "Method Not Allowed\n"},
		"one tag":            {"GET", tags + "vip", app.AppKey, app.MasterSecret, 404, "Not Found\n"},
		"of the Admin API":   {"GET", "/v1/tags/", app.AppKey, app.MasterSecret, 404, "Not Found\n"},
	} {
		r := httptest.NewRequest(tc.method, tc.path, nil)
		if tc.key != "" {
			r.SetBasicAuth(tc.key, tc.secret)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		assert.Equal(t, tc.status, w.Code, name)
		assert.Equal(t, tc.body, w.Body.String(), name)
	}
	assert.Equal(t, 11, s.Counts().Verifies, "404s are none")
	assert.False(t, s.Apps()[0].Deleted, "nothing changed")
}

// TestVerify walks a pair from its app's creation to its deletion, on both wires.
func TestVerify(t *testing.T) {
	ctx := context.Background()
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			s := newServer(t, sandbox.Options{Seed: 1})
			c, d := newClient(t, w, s, time.Minute), newDevices(t, w, s)
			made, err := c.CreateApp(ctx, shop)
			require.NoError(t, err)
			require.NoError(t, d.Verify(ctx, made.AppKey, made.MasterSecret))
			assert.Equal(t, jpush.PairRefused, wantError(t, d.Verify(ctx, made.AppKey, "reset")).Condition)
			require.NoError(t, c.DeleteApp(ctx, made.AppKey))
			assert.Equal(t, jpush.PairRefused, wantError(t, d.Verify(ctx, made.AppKey, made.MasterSecret)).Condition)
		})
	}
}

// TestFaultsOfVerify: the word verify keeps a fault from all other requests, and the name is
// the app's.
func TestFaultsOfVerify(t *testing.T) {
	ctx := context.Background()
	for spec, want := range map[string]struct {
		class     jpush.Class
		condition jpush.Condition
	}{
		"503:verify":           {jpush.ClassLost, jpush.ServerError},
		"429:verify":           {jpush.ClassLost, jpush.Busy},
		"html502:verify":       {jpush.ClassLost, jpush.ServerError},
		"lost:verify":          {jpush.ClassLost, jpush.LostAnswer},
		"drop:verify":          {jpush.ClassLost, jpush.LostAnswer},
		"cutjson:verify":       {jpush.ClassLost, jpush.NotAnAnswer},
		"wrongtypes:verify":    {jpush.ClassLost, jpush.NotAnAnswer},
		"hugebody:verify":      {jpush.ClassLost, jpush.NotAnAnswer},
		"endless:verify":       {jpush.ClassLost, jpush.NotAnAnswer},
		"gzipbomb:verify":      {jpush.ClassLost, jpush.NotAnAnswer},
		"redirect:verify":      {jpush.ClassStop, jpush.Redirected},
		"404:verify":           {jpush.ClassStop, jpush.NoDeviceAPI},
		"auth:verify":          {jpush.ClassApp, jpush.PairRefused},
		"401:verify":           {jpush.ClassApp, jpush.PairRefused},
		"503:verify:name=Shop": {jpush.ClassLost, jpush.ServerError},
	} {
		for _, w := range wires {
			t.Run(w.name+"/"+spec, func(t *testing.T) {
				s, app := shops(t, fault(t, spec))
				e := wantError(t, newDevices(t, w, s).Verify(ctx, app.AppKey, app.MasterSecret))
				assert.Equal(t, want.class, e.Class, e)
				assert.Equal(t, want.condition, e.Condition, e)
				assert.Equal(t, 1, s.Counts().Faults)
				_, err := newClient(t, w, s, time.Minute).CreateApp(ctx, shop)
				require.NoError(t, err)
			})
		}
	}
	s, app := shops(t, fault(t, "503:create"), fault(t, "503:verify:name=Other"))
	require.NoError(t, newDevices(t, wires[1], s).Verify(ctx, app.AppKey, app.MasterSecret))
}
