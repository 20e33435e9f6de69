package sandbox_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var shop = jpush.App{Name: "商城 & Co", AndroidPackage: "cn.example.shop", GroupName: "Retail"}

// p12 makes a file that opens with the password. Making a key is slow, so there is one.
var p12 = sync.OnceValue(func() func(serial int64, password string) []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return func(serial int64, password string) []byte {
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "Apple Push Services"},
			NotBefore: time.Unix(0, 0), NotAfter: time.Unix(4e9, 0)}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
		if err != nil {
			panic(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		data, err := pkcs12.Modern.Encode(key, cert, nil, password)
		if err != nil {
			panic(err)
		}
		return data
	}
})

// wire is a way from the client to the server.
type wire struct {
	name string
	dial func(t *testing.T, h http.Handler) (endpoint string, rt http.RoundTripper)
}

// wires are both of them: real sockets with the client's own transport, and memory.
var wires = []wire{
	{"socket", func(t *testing.T, h http.Handler) (string, http.RoundTripper) {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL, nil
	}},
	{"memory", func(t *testing.T, h http.Handler) (string, http.RoundTripper) {
		return sandbox.Endpoint, sandbox.Transport(h)
	}},
}

func newServer(t *testing.T, o sandbox.Options) *sandbox.Server {
	t.Helper()
	o.KeepRequests = true
	s, err := sandbox.New(o)
	require.NoError(t, err)
	return s
}

func newClient(t *testing.T, w wire, h http.Handler, timeout time.Duration) *jpush.Client {
	t.Helper()
	endpoint, rt := w.dial(t, h)
	c, err := jpush.New(jpush.Options{Endpoint: endpoint, DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret,
		Version: "1.2.3", Timeout: timeout, Transport: rt})
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func wantError(t *testing.T, err error) *jpush.Error {
	t.Helper()
	var e *jpush.Error
	require.ErrorAs(t, err, &e)
	return e
}

// TestStory walks an app through its life, on both wires.
func TestStory(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			s := newServer(t, sandbox.Options{Seed: 1})
			c := newClient(t, w, s, time.Minute)
			ctx := context.Background()
			require.NoError(t, c.Probe(ctx))

			first, err := c.CreateApp(ctx, shop)
			require.NoError(t, err)
			assert.True(t, first.IsNew)
			assert.Regexp(t, `^[0-9a-f]{24}$`, first.AppKey)
			assert.Regexp(t, `^[0-9a-f]{24}$`, first.MasterSecret)
			assert.NotEqual(t, first.AppKey, first.MasterSecret)

			again, err := c.CreateApp(ctx, shop)
			require.NoError(t, err)
			assert.Equal(t, jpush.Created{AppKey: first.AppKey, MasterSecret: first.MasterSecret}, again)

			cert := jpush.Certificate{Environment: jpush.Production, Filename: "certs/prod.p12", Data: p12()(1, "geheim"), Password: "geheim"}
			require.NoError(t, c.UploadCertificate(ctx, first.AppKey, cert))
			assert.Equal(t, jpush.ClassConverged, wantError(t, c.UploadCertificate(ctx, first.AppKey, cert)).Class)

			apps := s.Apps()
			require.Len(t, apps, 1)
			assert.Equal(t, "prod.p12", apps[0].Certificates[jpush.Production].Filename)
			assert.Equal(t, "geheim", apps[0].Certificates[jpush.Production].Password)
			assert.Equal(t, "Retail", apps[0].GroupName)

			require.NoError(t, c.DeleteApp(ctx, first.AppKey))
			e := wantError(t, c.DeleteApp(ctx, first.AppKey))
			assert.Equal(t, jpush.ClassGone, e.Class)
			assert.Equal(t, 1013, e.Code)
			assert.True(t, s.Apps()[0].Deleted)

			reborn, err := c.CreateApp(ctx, shop)
			require.NoError(t, err)
			assert.True(t, reborn.IsNew)
			assert.NotEqual(t, first.AppKey, reborn.AppKey)
		})
	}
}

// TestWire pins the bytes that a client sends.
func TestWire(t *testing.T) {
	s := newServer(t, sandbox.Options{CheckCertificate: func([]byte, string) error { return nil }})
	require.NoError(t, s.Preload(sandbox.App{AppKey: "ffbb0932c267d938941e470b", Name: "a", AndroidPackage: "b"}))
	c := newClient(t, wires[0], s, time.Minute)
	ctx := context.Background()

	_, err := c.CreateApp(ctx, shop)
	require.NoError(t, err)
	_, err = c.CreateApp(ctx, jpush.App{Name: "<b>", AndroidPackage: "cn.example.b"})
	require.NoError(t, err)
	require.NoError(t, c.UploadCertificate(ctx, "ffbb0932c267d938941e470b",
		jpush.Certificate{Environment: jpush.Development, Filename: `C:\certs\a"b.p12`, Data: []byte{0, 1, 2}}))
	require.NoError(t, c.DeleteApp(ctx, "ffbb0932c267d938941e470b"))

	q := s.Requests()
	require.Len(t, q, 4)
	for _, r := range q {
		assert.Equal(t, "POST", r.Method)
		assert.Equal(t, []string{"Basic c2FuZGJveC1kZXYta2V5OnNhbmRib3gtZGV2LXNlY3JldA=="}, r.Header["Authorization"])
		assert.Equal(t, []string{"jpsync/1.2.3"}, r.Header["User-Agent"])
		assert.Equal(t, []string{"application/json"}, r.Header["Accept"])
		assert.Empty(t, r.Header["Accept-Encoding"])
		assert.Empty(t, r.Header["Transfer-Encoding"])
	}
	assert.Equal(t, "/v1/app", q[0].Path)
	assert.Equal(t, `{"app_name":"商城 & Co","android_package":"cn.example.shop","group_name":"Retail"}`, string(q[0].Body))
	assert.Equal(t, []string{"application/json"}, q[0].Header["Content-Type"])
	assert.Equal(t, `{"app_name":"<b>","android_package":"cn.example.b"}`, string(q[1].Body))

	assert.Equal(t, "/v1/app/ffbb0932c267d938941e470b/certificate", q[2].Path)
	boundary, ok := bytes.CutPrefix([]byte(q[2].Header.Get("Content-Type")), []byte("multipart/form-data; boundary="))
	require.True(t, ok)
	assert.Equal(t, "--B\r\nContent-Disposition: form-data; name=\"devCertificateFile\"; filename=\"a\\\"b.p12\"\r\n"+
		"Content-Type: application/octet-stream\r\n\r\n\x00\x01\x02\r\n"+
		"--B\r\nContent-Disposition: form-data; name=\"devCertificatePassword\"\r\n\r\n\r\n--B--\r\n",
		string(bytes.ReplaceAll(q[2].Body, boundary, []byte("B"))))

	assert.Equal(t, "/v1/app/ffbb0932c267d938941e470b/delete", q[3].Path)
	assert.Empty(t, q[3].Body)
	assert.Empty(t, q[3].Header["Content-Type"])
	assert.Equal(t, []string{"0"}, q[3].Header["Content-Length"])
}
