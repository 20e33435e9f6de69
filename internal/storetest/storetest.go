// Package storetest starts the servers that shared states are tested on: an S3 server in this
// process, and, where they are installed, versitygw, MinIO, PostgreSQL and PgBouncer as
// processes of their own. They listen on loopback, keep their data in the test's temporary
// directory, and end with the test.
//
// A server that is not installed skips the test. With JPSYNC_TEST_STORES=required that is a
// failure instead, but for MinIO, which takes minutes to build: that takes
// JPSYNC_TEST_STORES=all.
package storetest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
)

// The credentials of the S3 servers.
const (
	AccessKey = "storetest"
	SecretKey = "storetest-secret"
	Bucket    = "states"
)

// SetCredentials gives this process the environment of a user of the S3 servers.
func SetCredentials(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", SecretKey)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
	}
}

// FakeS3 serves an S3 bucket from memory and returns its endpoint.
func FakeS3(t testing.TB) (endpoint string) {
	t.Helper()
	server := httptest.NewServer(FakeS3Handler(t, 0))
	t.Cleanup(server.Close)
	return server.URL
}

// FakeS3Handler serves an S3 bucket from memory. Its clock is that much ahead of this machine's, and
// it does not refuse clients for that.
func FakeS3Handler(t testing.TB, ahead time.Duration) http.Handler {
	t.Helper()
	clock := shifted(ahead)
	backend := s3mem.New(s3mem.WithTimeSource(clock))
	require.NoError(t, backend.CreateBucket(Bucket))
	handler := gofakes3.New(backend, gofakes3.WithTimeSource(clock), gofakes3.WithTimeSkewLimit(0)).Server()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clock.Now().UTC().Format(http.TimeFormat))
		handler.ServeHTTP(w, r)
	})
}

// shifted is a clock that is ahead of this machine's.
type shifted time.Duration

func (s shifted) Now() time.Time                  { return time.Now().Add(time.Duration(s)) }
func (s shifted) Since(t time.Time) time.Duration { return s.Now().Sub(t) }

// Versitygw starts an S3 gateway on a directory and returns its endpoint.
func Versitygw(t testing.TB) (endpoint string) {
	t.Helper()
	return s3Process(t, "versitygw", func(address, dir string) []string {
		return []string{"--port", address, "posix", dir}
	}, "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
}

const minio = "minio"

// Minio starts MinIO and returns its endpoint.
func Minio(t testing.TB) (endpoint string) {
	t.Helper()
	return s3Process(t, minio, func(address, dir string) []string {
		return []string{"server", "--address", address, "--console-address", freeAddress(t), dir}
	}, "MINIO_ROOT_USER="+AccessKey, "MINIO_ROOT_PASSWORD="+SecretKey, "MINIO_UPDATE=off")
}

// s3Process starts a program that takes a directory for a bucket.
func s3Process(t testing.TB, name string, args func(address, dir string) []string, env ...string) (endpoint string) {
	t.Helper()
	program := find(t, name)
	dir, address := t.TempDir(), freeAddress(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, Bucket), 0o755))
	cmd := exec.Command(program, args(address, dir)...)
	cmd.Env = append(os.Environ(), env...)
	start(t, cmd)
	endpoint = "http://" + address
	waitForBucket(t, endpoint)
	return endpoint
}

// S3Location is the location of a state in the bucket of an endpoint.
func S3Location(endpoint, prefix string) string {
	return fmt.Sprintf("s3://%s/%s?endpoint=%s", Bucket, prefix, endpoint)
}

// start runs a server until the test ends.
func start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { stop(cmd, syscall.SIGTERM) })
}

// stop ends a server by a signal, or kills it when it takes too long.
func stop(cmd *exec.Cmd, signal os.Signal) {
	_ = cmd.Process.Signal(signal)
	timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait()
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// waitForBucket waits until the server answers for its bucket. One that still starts refuses
// connections or, as MinIO does, answers them with 503; one that is ready answers 403, since
// the request is not signed.
func waitForBucket(t testing.TB, endpoint string) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	last := "nothing"
	for range 300 {
		resp, err := client.Get(endpoint + "/" + Bucket + "?list-type=2")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode < http.StatusInternalServerError {
				return
			}
			last = resp.Status
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s does not start: it answers %s", endpoint, last)
}

// find looks for a program in PATH, where "go install" puts it, and where Debian keeps
// PostgreSQL's. Without the program it skips the test, or fails it where the store is required.
func find(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, "go", "bin", name))
	}
	places = append(places, "/usr/sbin/"+name)
	for _, path := range places {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if required := os.Getenv("JPSYNC_TEST_STORES"); required == "all" || required == "required" && name != minio {
		t.Fatalf("%s is not installed, and JPSYNC_TEST_STORES says that it is required", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}
