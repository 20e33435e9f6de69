// Package storetest starts the servers that shared states are tested on: an S3 server in this
// process, and, where they are installed, versitygw, MinIO, PostgreSQL and PgBouncer as
// processes of their own. They listen on loopback, keep their data in the test's temporary
// directory, and end with the test.
//
// A server that is not installed skips the test. With JPSYNC_TEST_STORES=required that is a
// failure instead.
package storetest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
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

// missing skips the test, or fails it where the stores are required.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("JPSYNC_TEST_STORES") == "required" {
		t.Fatalf("%s is not installed, and JPSYNC_TEST_STORES says that it is required", what)
	}
	t.Skipf("%s is not installed", what)
}

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
	return FakeS3Behind(t, func(h http.Handler) http.Handler { return h })
}

// FakeS3Behind is [FakeS3] behind a handler that may spoil it.
func FakeS3Behind(t testing.TB, wrap func(http.Handler) http.Handler) (endpoint string) {
	t.Helper()
	server := httptest.NewServer(wrap(FakeS3Handler(t)))
	t.Cleanup(server.Close)
	return server.URL
}

// FakeS3Handler serves an S3 bucket from memory.
func FakeS3Handler(t testing.TB) http.Handler {
	t.Helper()
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket(Bucket))
	handler := gofakes3.New(backend).Server()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
		handler.ServeHTTP(w, r)
	})
}

// Versitygw starts an S3 gateway on a directory and returns its endpoint.
func Versitygw(t testing.TB) (endpoint string) {
	t.Helper()
	program := find("versitygw")
	if program == "" {
		missing(t, "versitygw")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, Bucket), 0o755))
	address := freeAddress(t)
	cmd := exec.Command(program, "--port", address, "posix", dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	start(t, cmd)
	waitForPort(t, address)
	return "http://" + address
}

// Minio starts MinIO and returns its endpoint. The bucket has to be made yet.
func Minio(t testing.TB) (endpoint string) {
	t.Helper()
	program := find("minio")
	if program == "" {
		missing(t, "minio")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, Bucket), 0o755))
	address := freeAddress(t)
	cmd := exec.Command(program, "server", "--address", address, "--console-address", freeAddress(t), dir)
	cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+AccessKey, "MINIO_ROOT_PASSWORD="+SecretKey, "MINIO_UPDATE=off")
	start(t, cmd)
	waitForPort(t, address)
	return "http://" + address
}

// S3Location is the location of a state in the bucket of an endpoint.
func S3Location(endpoint, prefix string) string {
	return fmt.Sprintf("s3://%s/%s?endpoint=%s", Bucket, prefix, endpoint)
}

// Postgres starts a database cluster of its own with these settings, such as
// "synchronous_commit=off", and returns the location of a state in it.
func Postgres(t testing.TB, settings ...string) (location string) {
	t.Helper()
	initdb := find("initdb")
	if initdb == "" {
		missing(t, "PostgreSQL (initdb)")
	}
	dir := ownedDir(t)
	asPostgres(t, exec.Command(initdb, "-D", dir, "-U", "jpsync", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"), func(cmd *exec.Cmd) {
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "initdb: %s", out)
	})
	_, port, _ := net.SplitHostPort(freeAddress(t))
	args := []string{"-D", dir, "-h", "127.0.0.1", "-p", port, "-k", dir, "-c", "fsync=off"}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	// SIGQUIT ends a server at once, whoever is connected.
	asPostgres(t, exec.Command(filepath.Join(filepath.Dir(initdb), "postgres"), args...), func(cmd *exec.Cmd) {
		startWith(t, cmd, syscall.SIGQUIT)
	})
	location = fmt.Sprintf("postgres://jpsync@127.0.0.1:%s/postgres?sslmode=disable", port)
	waitForPostgres(t, location)
	return location + "&state=test"
}

// PgBouncer starts a pooler in transaction mode before a database of [Postgres], and returns
// the location through it.
func PgBouncer(t testing.TB, location string) string {
	t.Helper()
	program := find("pgbouncer")
	if program == "" {
		missing(t, "PgBouncer")
	}
	_, rest, _ := strings.Cut(location, "127.0.0.1:")
	port, _, _ := strings.Cut(rest, "/")
	dir := ownedDir(t)
	_, own, _ := net.SplitHostPort(freeAddress(t))
	config := filepath.Join(dir, "pgbouncer.ini")
	users := filepath.Join(dir, "users.txt")
	require.NoError(t, os.WriteFile(users, []byte("\"jpsync\" \"\"\n"), 0o644))
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `[databases]
postgres = host=127.0.0.1 port=%s user=jpsync
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
auth_type = any
auth_file = %s
pool_mode = transaction
default_pool_size = 4
unix_socket_dir =
`, port, own, users), 0o644))
	asPostgres(t, exec.Command(program, config), func(cmd *exec.Cmd) { start(t, cmd) })
	through := strings.Replace(location, ":"+port+"/", ":"+own+"/", 1)
	plain, _, _ := strings.Cut(through, "&state=")
	waitForPostgres(t, plain)
	return through
}

func waitForPostgres(t testing.TB, location string) {
	t.Helper()
	var err error
	for range 300 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		var conn *pgconn.PgConn
		if conn, err = pgconn.Connect(ctx, location); err == nil {
			_, err = conn.Exec(ctx, "SELECT 1").ReadAll()
			_ = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	require.NoError(t, err, "the database does not start")
}

// asPostgres prepares a command for the user postgres where this process is root, which
// PostgreSQL refuses to run as.
func asPostgres(t testing.TB, cmd *exec.Cmd, run func(*exec.Cmd)) {
	t.Helper()
	cmd.Dir = os.TempDir()
	if u := postgresUser(); u != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u}
	}
	run(cmd)
}

func postgresUser() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// ownedDir is a temporary directory that the user postgres can use. The parents of
// t.TempDir may be closed to others, and its path may be too long for a socket.
func ownedDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "storetest")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if u := postgresUser(); u != nil {
		require.NoError(t, os.Chown(dir, int(u.Uid), int(u.Gid)))
	}
	return dir
}

// start runs a server until the test ends.
func start(t testing.TB, cmd *exec.Cmd) { startWith(t, cmd, syscall.SIGTERM) }

func startWith(t testing.TB, cmd *exec.Cmd, signal os.Signal) {
	t.Helper()
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(signal)
		timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		_ = cmd.Wait()
	})
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func waitForPort(t testing.TB, address string) {
	t.Helper()
	for range 300 {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("nothing listens at %s", address)
}

// find looks for a program in PATH, where "go install" puts it, and where Debian keeps
// PostgreSQL's.
func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, "go", "bin", name))
	}
	places = append(places, "/usr/sbin/"+name)
	i := slices.IndexFunc(places, func(path string) bool { _, err := os.Stat(path); return err == nil })
	if i < 0 {
		return ""
	}
	return places[i]
}
