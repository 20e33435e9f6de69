package crashtest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/storetest"
	"jpsync/state/postgres"
	"jpsync/state/s3"
	"jpsync/state/shared"
)

// The lease of all runs, and how long others wait beyond it.
const (
	lease = 5 * time.Second
	slack = 2 * time.Second
)

// backend is a server for shared states.
type backend struct {
	address  string
	speak    func() protocol
	format   string // of a location: the place, the address
	external bool   // a server of its own: fewer rounds, unless all are wanted
}

var backends = []struct {
	name  string
	start func(t *testing.T) *backend
}{
	{"S3 in process", func(t *testing.T) *backend { return bucketAt(storetest.FakeS3(t)) }},
	{"versitygw", func(t *testing.T) *backend { return external(bucketAt(storetest.Versitygw(t))) }},
	{"MinIO", func(t *testing.T) *backend { return external(bucketAt(storetest.Minio(t))) }},
	{"PostgreSQL", func(t *testing.T) *backend {
		u, err := url.Parse(storetest.Postgres(t))
		require.NoError(t, err)
		return external(&backend{
			address: u.Host, speak: func() protocol { return &postgres3{} },
			format: "postgres://jpsync@%[2]s/postgres?sslmode=disable&state=%[1]s",
		})
	}},
}

func external(b *backend) *backend {
	b.external = true
	return b
}

func bucketAt(endpoint string) *backend {
	return &backend{
		address: strings.TrimPrefix(endpoint, "http://"), speak: func() protocol { return &http1{} },
		format: "s3://" + storetest.Bucket + "/%[1]s?endpoint=http://%[2]s",
	}
}

// open returns the place in the backend, past every door.
func (b *backend) open(t *testing.T, place string) shared.Place {
	location := fmt.Sprintf(b.format, place, b.address)
	if strings.HasPrefix(location, s3.Scheme) {
		l, err := s3.FromEnvironment(location)
		require.NoError(t, err)
		return s3.New(l)
	}
	l, err := postgres.Parse(location)
	require.NoError(t, err)
	p := postgres.New(l)
	t.Cleanup(p.Close)
	return p
}

func (b *backend) store(t *testing.T, place string) *shared.Store {
	store, err := shared.New(b.open(t, place), lease)
	require.NoError(t, err)
	return store
}

// TestSharedState tells what becomes of a state in a bucket or a database when runners,
// networks and stores fail. All stories are told side by side, since most of their time is
// waiting for leases.
func TestSharedState(t *testing.T) {
	storetest.SetCredentials(t)
	certificate := p12(t)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			server := b.start(t)
			for _, story := range []struct {
				name string
				tell func(t *testing.T, b *backend, certificate []byte)
			}{
				{"runner and folder vanish at a random moment", theRunnerVanishes},
				{"killed at every call", killedAtEveryCall},
				{"asleep while another takes over", theSleeperIsOut},
				{"partitions around the lease", partitionsAroundTheLease},
				{"the store is gone from a call on", theStoreIsGone},
				{"answers are lost or late", answersAreLost},
				{"sixteen at once", sixteenAtOnce},
				{"a plan from another folder", plannedElsewhere},
				{"secrets at rest", secretsAtRest},
			} {
				t.Run(story.name, func(t *testing.T) {
					t.Parallel()
					story.tell(t, server, certificate)
				})
			}
		})
	}
}

var places atomic.Int64

// newShared is a world whose state is at an empty place of the backend. Each request to JPush
// takes delay.
func newShared(t *testing.T, b *backend, apps int, certificate []byte, delay time.Duration) *world {
	t.Helper()
	var options sandbox.Options
	if delay > 0 {
		options.Faults = []sandbox.Fault{{Kind: sandbox.Latency, Delay: delay}}
	}
	w := newWorld(t, apps, certificate, options)
	w.http.Config.Handler = secretsOnce(w.server)
	w.backend, w.place = b, fmt.Sprintf("place-%d", places.Add(1))
	w.enter()
	return w
}

// long makes the lease longer, for a story that does not wait for its end. A busy machine
// may be slow then.
func (w *world) long() { w.env = append(w.env, "JPSYNC_LEASE=10s") }

// enter gives the world's processes a door of their own to the store.
func (w *world) enter() {
	w.door = newDoor(w.t, w.backend.address, w.backend.speak)
	w.env = []string{
		"JPSYNC_STATE=" + fmt.Sprintf(w.backend.format, w.place, w.door.address()), "JPSYNC_LEASE=" + lease.String(),
		"AWS_ACCESS_KEY_ID=" + storetest.AccessKey, "AWS_SECRET_ACCESS_KEY=" + storetest.SecretKey, "AWS_EC2_METADATA_DISABLED=true",
	}
}

// elsewhere is another folder with the manifest alone, on a machine with its own way to the
// store.
func (w *world) elsewhere(certificate []byte) *world {
	other := *w
	other.settle(certificate)
	other.enter()
	other.env = append(other.env, "JPSYNC_LOCK_TIMEOUT=90s")
	return &other
}

// secretsOnce leaves the master secret out of the answer for an app that was there before, as
// the Chinese documents have it. What was lost once stays lost.
func secretsOnce(server http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if i := bytes.Index(body, []byte(`,"master_secret"`)); i >= 0 && bytes.Contains(body, []byte(`"is_new_created":false`)) {
			body = append(body[:i:i], '}')
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
}

// process is a jpsync that runs beside the test.
type process struct {
	*exec.Cmd
	out  bytes.Buffer
	done chan struct{}
}

func (w *world) start(args ...string) *process {
	p := &process{Cmd: w.command("", args...), done: make(chan struct{})}
	p.Stdout, p.Stderr = &p.out, &p.out
	require.NoError(w.t, p.Start())
	go func() {
		defer close(p.done)
		_ = p.Wait() // the code is what counts
	}()
	return p
}

// wait returns how the process ended: its exit code, -1 when a signal ended it.
func (p *process) wait() (code int, output string) {
	<-p.done
	return p.ProcessState.ExitCode(), p.out.String()
}

func (p *process) signal(s syscall.Signal) { _ = p.Process.Signal(s) }

// reached waits until the server has had so many requests.
func (w *world) reached(requests int) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.server.Counts().Requests >= requests }, time.Minute, time.Millisecond)
}

// figures are what the rounds of a story came to. A secret is missing when its app is
// recorded without it.
type figures struct{ tried, lost, twice, adopted, secrets, most atomic.Int64 }

// check compares what is recorded with the ledger.
func (f *figures) check(w *world) {
	w.t.Helper()
	l := w.compare(w.recorded())
	missing := int64(0)
	for _, app := range w.recorded() {
		if app.MasterSecret == "" {
			missing++
		}
		if app.Adopted {
			f.adopted.Add(1)
		}
	}
	f.tried.Add(1)
	f.lost.Add(int64(l.answers))
	f.twice.Add(int64(l.duplicates))
	f.secrets.Add(missing)
	for most := f.most.Load(); missing > most && !f.most.CompareAndSwap(most, missing); most = f.most.Load() {
	}
}

// verdict prints the figures, and fails if an app is lost, made twice or taken for somebody
// else's, or if a round lacks more master secrets than it may.
func (f *figures) verdict(t *testing.T, mostMissing int) {
	t.Helper()
	t.Logf("%d tried: %d apps lost, %d twice, %d adopted; %d master secrets missing, at most %d in a round, of %d allowed",
		f.tried.Load(), f.lost.Load(), f.twice.Load(), f.adopted.Load(), f.secrets.Load(), f.most.Load(), mostMissing)
	require.Zero(t, f.lost.Load()+f.twice.Load()+f.adopted.Load())
	require.LessOrEqual(t, f.most.Load(), int64(mostMissing))
	require.NotZero(t, f.tried.Load())
}

// rounds runs a story's rounds side by side. It returns when all of them have ended.
func rounds(t *testing.T, numbers []int, round func(t *testing.T, n int)) {
	t.Helper()
	t.Run("rounds", func(t *testing.T) {
		for _, n := range numbers {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				round(t, n)
			})
		}
	})
}

// some returns so many numbers from 1 to n, spread evenly; all of them in full.
func (b *backend) some(n, most int) (list []int) {
	switch {
	case full:
		most = n
	case testing.Short():
		most = (most + 4) / 5
	case b.external:
		most = (most + 2) / 3
	}
	for i := range min(n, most) {
		list = append(list, 1+i*n/min(n, most))
	}
	return list
}
