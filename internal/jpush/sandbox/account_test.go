package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
)

func TestIdentity(t *testing.T) {
	renamed := jpush.App{Name: "Other", AndroidPackage: shop.AndroidPackage}
	for identity, want := range map[sandbox.Identity]int{sandbox.ByPackage: 1, sandbox.ByNameAndPackage: 2, sandbox.CreateAlways: 3} {
		s := newServer(t, sandbox.Options{Identity: identity})
		c := newClient(t, wires[1], s, time.Minute)
		keys := map[string]bool{}
		for _, app := range []jpush.App{shop, shop, renamed} {
			got, err := c.CreateApp(context.Background(), app)
			require.NoError(t, err)
			assert.Equal(t, !keys[got.AppKey], got.IsNew)
			keys[got.AppKey] = true
		}
		assert.Len(t, keys, want)
		assert.Len(t, s.Apps(), want)
		assert.Equal(t, shop.Name, s.Apps()[0].Name, "a create renames nothing")
	}
}

func TestMasterSecrets(t *testing.T) {
	for _, without := range []bool{false, true} {
		c := newClient(t, wires[1], newServer(t, sandbox.Options{NoMasterSecret: without}), time.Minute)
		for range 2 {
			got, err := c.CreateApp(context.Background(), shop)
			require.NoError(t, err)
			assert.Equal(t, without, got.MasterSecret == "")
		}
	}
}

// TestSeed: keys hang on the app, not on who came first.
func TestSeed(t *testing.T) {
	keys := func(seed uint64, packages ...string) map[string]string {
		s := newServer(t, sandbox.Options{Seed: seed})
		for _, p := range packages {
			require.NoError(t, s.Preload(sandbox.App{Name: "n", AndroidPackage: p}))
		}
		m := map[string]string{}
		for _, app := range s.Apps() {
			m[app.AndroidPackage] = app.AppKey + app.MasterSecret
		}
		return m
	}
	assert.Equal(t, keys(3, "a", "b"), keys(3, "b", "a"))
	assert.NotEqual(t, keys(3, "a"), keys(4, "a"))
	assert.NotEqual(t, keys(0, "a"), keys(0, "a"))
}

func TestLedger(t *testing.T) {
	s := newServer(t, sandbox.Options{})
	c := newClient(t, wires[1], s, time.Minute)
	var g sync.WaitGroup
	for i := range 64 {
		g.Go(func() {
			_, err := c.CreateApp(context.Background(), jpush.App{Name: "n", AndroidPackage: fmt.Sprint("cn.a", i)})
			assert.NoError(t, err)
		})
	}
	g.Wait()
	require.Error(t, c.DeleteApp(context.Background(), "x"))
	counts := s.Counts()
	assert.LessOrEqual(t, counts.MaxRunning, 64)
	assert.Positive(t, counts.MaxRunning)
	counts.MaxRunning = 0
	assert.Equal(t, sandbox.Counts{Requests: 65, Creates: 64, Deletes: 1}, counts)
	kept := s.Requests()
	require.Len(t, kept, 65)
	last := kept[64]
	assert.Equal(t, 65, last.Number)
	assert.Equal(t, jpush.OpDelete, last.Op)
	assert.Equal(t, 200, last.Status)
	assert.Equal(t, 1013, last.Code)
	assert.Less(t, last.Started, last.Ended)
	assert.Equal(t, 130, last.Ended)
	assert.Len(t, s.Apps(), 64)
}

// TestOrder: the ledger tells what ran side by side.
func TestOrder(t *testing.T) {
	s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, "hang:create")}})
	c := newClient(t, wires[1], s, time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	hung := make(chan error, 1)
	go func() { _, err := c.CreateApp(ctx, shop); hung <- err }()
	for s.Counts().Running == 0 {
		require.Error(t, c.DeleteApp(context.Background(), "early"))
	}
	require.Error(t, c.DeleteApp(context.Background(), "beside"))
	cancel()
	require.ErrorIs(t, <-hung, context.Canceled)
	require.Eventually(t, func() bool { return s.Counts().Running == 0 }, time.Minute, time.Millisecond)
	var create, beside sandbox.Request
	for _, q := range s.Requests() {
		switch q.Path {
		case "/v1/app":
			create = q
		case "/v1/app/beside/delete":
			beside = q
		}
	}
	assert.Less(t, create.Started, beside.Started)
	assert.Greater(t, create.Ended, beside.Ended)
	assert.Zero(t, create.Status)
}

func TestCertificatesAreOpenedOnce(t *testing.T) {
	var opened atomic.Int32
	s := newServer(t, sandbox.Options{CheckCertificate: func(data []byte, password string) error {
		opened.Add(1)
		if password != "right" {
			return errors.New("wrong")
		}
		return nil
	}})
	require.NoError(t, s.Preload(sandbox.App{AppKey: "k1", Name: "a", AndroidPackage: "a"}, sandbox.App{AppKey: "k2", Name: "b", AndroidPackage: "b"}))
	c := newClient(t, wires[1], s, time.Minute)
	for _, key := range []string{"k1", "k2"} {
		cert := jpush.Certificate{Environment: jpush.Production, Data: []byte("p12"), Password: "right"}
		require.NoError(t, c.UploadCertificate(context.Background(), key, cert))
		cert.Password = "wrong"
		assert.Equal(t, 1012, wantError(t, c.UploadCertificate(context.Background(), key, cert)).Code)
	}
	assert.EqualValues(t, 2, opened.Load())
}

func open(t *testing.T, path string) (*sandbox.Server, *jpush.Client) {
	t.Helper()
	s := newServer(t, sandbox.Options{Data: path, CheckCertificate: func([]byte, string) error { return nil }})
	return s, newClient(t, wires[1], s, time.Minute)
}

// requireOwnersAlone looks at the mode of a file, which says nothing about others on Windows.
func requireOwnersAlone(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestDataOutlivesTheServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.jsonl")
	s, c := open(t, path)
	ctx := context.Background()
	made, err := c.CreateApp(ctx, shop)
	require.NoError(t, err)
	gone, err := c.CreateApp(ctx, jpush.App{Name: "Gone", AndroidPackage: "cn.gone"})
	require.NoError(t, err)
	cert := jpush.Certificate{Environment: jpush.Development, Filename: "a.p12", Data: []byte("p12"), Password: "CANARY"}
	require.NoError(t, c.UploadCertificate(ctx, made.AppKey, cert))
	require.NoError(t, c.DeleteApp(ctx, gone.AppKey))
	want := s.Apps()

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.NotContains(t, string(content), "CANARY")
	requireOwnersAlone(t, path)

	// A process that was killed while it wrote leaves half a line.
	require.NoError(t, os.WriteFile(path, append(content, `{"app_key":"half","app_na`...), 0o644))
	require.NoError(t, os.Chmod(path, 0o644))
	s, c = open(t, path)
	want[0].Certificates[jpush.Development] = func(c sandbox.Certificate) sandbox.Certificate {
		c.Password = ""
		return c
	}(want[0].Certificates[jpush.Development])
	assert.Equal(t, want, s.Apps())
	again, err := c.CreateApp(ctx, shop)
	require.NoError(t, err)
	made.IsNew = false
	assert.Equal(t, made, again)
	assert.Equal(t, 1010, wantError(t, c.UploadCertificate(ctx, made.AppKey, cert)).Code)
	assert.Equal(t, 1013, wantError(t, c.DeleteApp(ctx, gone.AppKey)).Code)
	requireOwnersAlone(t, path)
	healed, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(content), string(healed))
}

// TestDataIsShared lets servers with the same file work at once.
func TestDataIsShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.jsonl")
	const servers, rounds = 4, 40
	var g sync.WaitGroup
	for i := range servers {
		_, c := open(t, path)
		g.Go(func() {
			for n := range rounds {
				own, err := c.CreateApp(context.Background(), jpush.App{Name: "n", AndroidPackage: fmt.Sprintf("cn.own%d.n%d", i, n)})
				if !assert.NoError(t, err) || !assert.True(t, own.IsNew) {
					return
				}
				_, err = c.CreateApp(context.Background(), jpush.App{Name: "n", AndroidPackage: fmt.Sprintf("cn.shared.n%d", n)})
				assert.NoError(t, err)
				assert.NoError(t, c.UploadCertificate(context.Background(), own.AppKey,
					jpush.Certificate{Environment: jpush.Production, Data: []byte("p12")}))
			}
		})
	}
	g.Wait()
	s, _ := open(t, path)
	packages := map[string]int{}
	for _, app := range s.Apps() {
		packages[app.AndroidPackage]++
		if strings.HasPrefix(app.AndroidPackage, "cn.own") {
			assert.Len(t, app.Certificates, 1, app.AndroidPackage)
		}
	}
	assert.Len(t, packages, servers*rounds+rounds)
	for p, n := range packages {
		assert.Equal(t, 1, n, p)
	}
}

// TestDataIsNoOtherFile: a name mistyped must not cost a file.
func TestDataIsNoOtherFile(t *testing.T) {
	for content, says := range map[string]string{
		"my diary":          "no sandbox's file",
		"{\"version\":1}\n": "no sandbox's file",
		"{\"jpsync_sandbox\":2,\"generation\":\"x\"}\n":           "version 2",
		"{\"jpsync_sandbox\":1,\"generation\":\"x\"}\nnonsense\n": "line 2 is no app",
	} {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := sandbox.New(sandbox.Options{Data: path})
		assert.ErrorContains(t, err, says)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, string(after))
	}
	_, err := sandbox.New(sandbox.Options{Data: filepath.Join(t.TempDir(), "no", "where")})
	assert.Error(t, err)
}

// TestDataThatCannotBeWritten: what the disk refuses has not happened.
func TestDataThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.jsonl")
	s, c := open(t, path)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o700))
	_, err := c.CreateApp(context.Background(), shop)
	e := wantError(t, err)
	assert.Equal(t, jpush.ClassSystem, e.Class)
	assert.Equal(t, 10, e.Code)
	assert.Empty(t, s.Apps())
}
