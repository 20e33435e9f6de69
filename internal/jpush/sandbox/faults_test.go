package sandbox_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
)

func fault(t *testing.T, s string) sandbox.Fault {
	t.Helper()
	f, err := sandbox.ParseFault(s)
	require.NoError(t, err)
	return f
}

// TestEveryFault applies each kind to a create, on both wires. The client returns the right
// class, and the app exists if the fault is committed.
func TestEveryFault(t *testing.T) {
	cases := []struct {
		fault     string
		class     jpush.Class
		condition jpush.Condition
		code      int
		committed bool
	}{
		{fault: "code10", class: jpush.ClassSystem, code: 10},
		{fault: "code10:committed", class: jpush.ClassSystem, code: 10, committed: true},
		{fault: "1012", class: jpush.ClassApp, code: 1012},
		{fault: "1013", class: jpush.ClassApp, code: 1013},
		{fault: "1015", class: jpush.ClassApp, code: 1015},
		{fault: "4003", class: jpush.ClassApp, code: 4003},
		{fault: "2002", class: jpush.ClassLost, code: 2002},
		{fault: "auth", class: jpush.ClassAuth, code: 4005},
		{fault: "auth:code=4004", class: jpush.ClassAuth, code: 4004},
		{fault: "auth:code=4006", class: jpush.ClassAuth, code: 4006},
		{fault: "auth:code=4007", class: jpush.ClassAuth, code: 4007},
		{fault: "401", class: jpush.ClassAuth, condition: jpush.Unauthorized},
		{fault: "403", class: jpush.ClassStop, condition: jpush.Forbidden},
		{fault: "404", class: jpush.ClassStop, condition: jpush.NotFound},
		{fault: "405", class: jpush.ClassStop, condition: jpush.WrongMethod},
		{fault: "408", class: jpush.ClassLost, condition: jpush.SlowRequest},
		{fault: "410", class: jpush.ClassStop, condition: jpush.Retired},
		{fault: "429", class: jpush.ClassLost, condition: jpush.Busy},
		{fault: "500", class: jpush.ClassLost, condition: jpush.ServerError},
		{fault: "503", class: jpush.ClassLost, condition: jpush.ServerError},
		{fault: "504:committed", class: jpush.ClassLost, condition: jpush.ServerError, committed: true},
		{fault: "200", class: jpush.ClassLost, condition: jpush.NotAnAnswer},
		{fault: "lost", class: jpush.ClassLost, condition: jpush.LostAnswer, committed: true},
		{fault: "drop", class: jpush.ClassLost, condition: jpush.LostAnswer},
		{fault: "html502", class: jpush.ClassLost, condition: jpush.ServerError},
		{fault: "html502:committed", class: jpush.ClassLost, condition: jpush.ServerError, committed: true},
		{fault: "cutjson", class: jpush.ClassLost, condition: jpush.NotAnAnswer, committed: true},
		{fault: "endless", class: jpush.ClassLost, condition: jpush.NotAnAnswer},
		{fault: "hugebody", class: jpush.ClassLost, condition: jpush.NotAnAnswer, committed: true},
		{fault: "gzipbomb", class: jpush.ClassLost, condition: jpush.NotAnAnswer},
		{fault: "wrongtypes", class: jpush.ClassLost, condition: jpush.NotAnAnswer, committed: true},
		{fault: "redirect", class: jpush.ClassStop, condition: jpush.Redirected},
		{fault: "redirect:status=301:to=https://elsewhere.example/", class: jpush.ClassStop, condition: jpush.Redirected},
	}
	for _, w := range wires {
		for _, tc := range cases {
			t.Run(w.name+"/"+tc.fault, func(t *testing.T) {
				s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, tc.fault)}})
				_, err := newClient(t, w, s, time.Minute).CreateApp(context.Background(), shop)
				e := wantError(t, err)
				assert.Equal(t, tc.class, e.Class, err)
				assert.Equal(t, tc.condition, e.Condition, err)
				assert.Equal(t, tc.code, e.Code, err)
				assert.True(t, e.Sent)
				assert.Equal(t, tc.class == jpush.ClassLost && !e.Busy(), e.OutcomeUnknown())
				assert.Equal(t, tc.committed, len(s.Apps()) == 1)
				assert.Equal(t, fault(t, tc.fault).Kind, s.Requests()[0].Fault)
				assert.Equal(t, 1, s.Counts().Faults)

				require.NoError(t, s.SetFaults())
				if tc.class == jpush.ClassAuth {
					return
				}
				_, err = newClient(t, w, s, time.Minute).CreateApp(context.Background(), shop)
				assert.NoError(t, err)
				assert.Len(t, s.Apps(), 1)
			})
		}
	}
}

// TestSilence lets virtual time pass where the server never comes to the point.
func TestSilence(t *testing.T) {
	for name, committed := range map[string]bool{"hang": false, "hang:committed": true, "slowheaders": false, "slowheaders:committed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, name)}})
				c := newClient(t, wires[1], s, 7*time.Second)
				start := time.Now()
				_, err := c.CreateApp(context.Background(), shop)
				assert.Equal(t, 7*time.Second, time.Since(start))
				e := wantError(t, err)
				assert.True(t, e.OutcomeUnknown())
				assert.Contains(t, err.Error(), "no complete answer in time")
				assert.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's context has not ended")
				assert.Equal(t, committed, len(s.Apps()) == 1)
			})
		})
	}
}

// TestSlowHeaders needs a real connection, and so real time.
func TestSlowHeaders(t *testing.T) {
	s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, "slowheaders:committed")}})
	_, err := newClient(t, wires[0], s, 100*time.Millisecond).CreateApp(context.Background(), shop)
	assert.True(t, wantError(t, err).OutcomeUnknown())
	assert.Contains(t, err.Error(), "no complete answer in time")
	assert.Len(t, s.Apps(), 1)
}

func TestLatencyAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, "latency=3s:create"), fault(t, "rate:2:delete:retry-after=4")}})
		c := newClient(t, wires[1], s, time.Minute)
		start := time.Now()
		_, err := c.CreateApp(context.Background(), shop)
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, time.Since(start))

		var codes []int
		for range 4 {
			e := wantError(t, c.DeleteApp(context.Background(), "unknown"))
			codes = append(codes, e.Code)
			if e.Code == 2002 {
				assert.Equal(t, 4*time.Second, e.RetryAfter)
			}
		}
		assert.Equal(t, []int{1013, 1013, 2002, 2002}, codes)
		time.Sleep(time.Second)
		assert.Equal(t, 1013, wantError(t, c.DeleteApp(context.Background(), "unknown")).Code)
	})
}

func TestSelectors(t *testing.T) {
	cases := []struct {
		faults string
		// One letter per create of a, b, a, b, a, b: x meets the fault.
		want string
	}{
		{"1015", "xxxxxx"},
		{"1015:any", "xxxxxx"},
		{"1015:delete", "......"},
		{"1015:create", "xxxxxx"},
		{"1015:first=1", "xx...."},
		{"1015:first=2", "xxxx.."},
		{"1015:every=3", "..x..x"},
		{"1015:from=5", "....xx"},
		{"1015:times=2", "xx...."},
		{"1015:name=cn.a", "x.x.x."},
		{"1015:name=cn.*", "xxxxxx"},
		{"1015:name=App B", ".x.x.x"},
		{"1015:name=b", "......"},
		{"1015:name=cn.a:first=2", "x.x..."},
		{"1015:from=2:times=1", ".x...."},
		{"1015:prob=1", "xxxxxx"},
		{"1012:name=cn.a:times=1 1015:from=3", "x.xxxx"},
	}
	for _, tc := range cases {
		t.Run(tc.faults, func(t *testing.T) {
			var list []sandbox.Fault
			for _, f := range strings.SplitAfter(strings.ReplaceAll(tc.faults, "App B", "App%20B"), " ") {
				list = append(list, fault(t, strings.TrimSpace(f)))
			}
			c := newClient(t, wires[1], newServer(t, sandbox.Options{Faults: list}), time.Minute)
			got := ""
			for i := range 6 {
				app := []jpush.App{{Name: "App A", AndroidPackage: "cn.a"}, {Name: "App B", AndroidPackage: "cn.b"}}[i%2]
				if _, err := c.CreateApp(context.Background(), app); err != nil {
					got += "x"
				} else {
					got += "."
				}
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

// TestChance: about as often as asked for, and the same requests for the same seed.
func TestChance(t *testing.T) {
	run := func(seed uint64, prob string) (met string) {
		s := newServer(t, sandbox.Options{Seed: seed, Faults: []sandbox.Fault{fault(t, "1015:prob="+prob)}})
		for range 400 {
			r := httptest.NewRequest(http.MethodPost, "/v1/app/k/delete", nil)
			s.ServeHTTP(httptest.NewRecorder(), r)
		}
		for _, q := range s.Requests() {
			met += map[bool]string{true: "x", false: "."}[q.Fault != ""]
		}
		return met
	}
	third := run(7, "0.3")
	assert.Equal(t, third, run(7, "0.3"))
	assert.NotEqual(t, third, run(8, "0.3"))
	assert.InDelta(t, 120, strings.Count(third, "x"), 40)
	assert.Zero(t, strings.Count(run(7, "1"), "."))
}

func TestFaultByEnvironment(t *testing.T) {
	s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, "lost:upload:first=1")}, CheckCertificate: func([]byte, string) error { return nil }})
	require.NoError(t, s.Preload(sandbox.App{AppKey: "k", Name: "a", AndroidPackage: "b"}))
	c := newClient(t, wires[1], s, time.Minute)
	for _, env := range jpush.Environments {
		cert := jpush.Certificate{Environment: env, Data: []byte("x")}
		assert.True(t, wantError(t, c.UploadCertificate(context.Background(), "k", cert)).OutcomeUnknown())
		assert.Equal(t, jpush.ClassConverged, wantError(t, c.UploadCertificate(context.Background(), "k", cert)).Class)
	}
}

// TestRedirectsLeadNowhere sends the redirect to a server that counts who comes.
func TestRedirectsLeadNowhere(t *testing.T) {
	var came atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []string{"301", "302", "303", "307", "308"} {
		s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, "redirect:status="+status+":to="+other.URL+"/v1/app")}})
		_, err := newClient(t, wires[0], s, time.Minute).CreateApp(context.Background(), shop)
		e := wantError(t, err)
		assert.Equal(t, jpush.ClassStop, e.Class)
		assert.Contains(t, err.Error(), "127.0.0.1")
		assert.Len(t, s.Requests(), 1)
	}
	assert.Zero(t, came.Load())
}

// TestHostileBodiesCostLittle compares what client and server allocate together with what
// the bodies would unfold to.
func TestHostileBodiesCostLittle(t *testing.T) {
	for _, name := range []string{"endless", "gzipbomb", "hugebody"} {
		s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, name)}})
		c := newClient(t, wires[0], s, time.Minute)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 5 {
			_, err := c.CreateApp(context.Background(), shop)
			assert.Equal(t, jpush.ClassLost, wantError(t, err).Class)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(16<<20), name)
		assert.Less(t, after.Sys-before.Sys, uint64(64<<20), name)
	}
}

// TestGzipBomb shows that it is one: small on the wire, and a client that unfolds goes past
// every limit.
func TestGzipBomb(t *testing.T) {
	s := newServer(t, sandbox.Options{Faults: []sandbox.Fault{fault(t, "gzipbomb")}})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/app", nil))
	assert.Less(t, w.Body.Len(), 1<<20)
	z, err := gzip.NewReader(w.Body)
	require.NoError(t, err)
	n, err := io.CopyN(io.Discard, z, 3<<20)
	require.NoError(t, err)
	assert.EqualValues(t, 3<<20, n)
}
