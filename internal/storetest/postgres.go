package storetest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// Cluster is a PostgreSQL server of its own.
type Cluster struct {
	program string
	args    []string
	server  *exec.Cmd
	plain   string // location, without the state
}

// Postgres starts a database cluster of its own with these settings, such as
// "synchronous_commit=off", and returns the location of a state in it.
func Postgres(t testing.TB, settings ...string) (location string) {
	t.Helper()
	return NewCluster(t, settings...).Location("jpsync", "test")
}

// NewCluster is [Postgres], for tests that do more with the server.
func NewCluster(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	initdb := find(t, "initdb")
	dir := ownedDir(t)
	out, err := asPostgres(initdb, "-D", dir, "-U", "jpsync", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
	require.NoError(t, err, "initdb: %s", out)
	_, port, _ := net.SplitHostPort(freeAddress(t))
	c := &Cluster{
		program: filepath.Join(filepath.Dir(initdb), "postgres"),
		args:    []string{"-D", dir, "-h", "127.0.0.1", "-p", port, "-k", dir, "-c", "fsync=off", "-c", "max_connections=300", "-c", "shared_buffers=8MB"},
		plain:   fmt.Sprintf("127.0.0.1:%s/postgres?sslmode=disable", port),
	}
	for _, setting := range settings {
		c.args = append(c.args, "-c", setting)
	}
	c.start(t)
	t.Cleanup(c.kill)
	return c
}

func (c *Cluster) start(t testing.TB) {
	t.Helper()
	c.server = asPostgres(c.program, c.args...)
	require.NoError(t, c.server.Start())
	waitForPostgres(t, "postgres://jpsync@"+c.plain)
}

// kill ends the server at once, whoever is connected, and as if the power had failed: what
// was not written yet is lost.
func (c *Cluster) kill() { stop(c.server, syscall.SIGQUIT) }

// Crash kills the server and starts it again.
func (c *Cluster) Crash(t testing.TB) {
	t.Helper()
	c.kill()
	c.start(t)
}

// RequirePassword gives a user a password that the server asks for from now on.
func (c *Cluster) RequirePassword(t testing.TB, user, password string) {
	t.Helper()
	path := filepath.Join(c.args[1], "pg_hba.conf")
	rules, err := os.ReadFile(path)
	require.NoError(t, err)
	rules = append([]byte("host all "+user+" 127.0.0.1/32 scram-sha-256\n"), rules...)
	require.NoError(t, os.WriteFile(path, rules, 0o600))
	c.Exec(t, "ALTER ROLE "+user+" PASSWORD '"+password+"'")
	c.Exec(t, "SELECT pg_reload_conf()")
}

// Location is the location of a state for a user.
func (c *Cluster) Location(user, state string) string {
	return "postgres://" + user + "@" + c.plain + "&state=" + state
}

// Address is where the server listens.
func (c *Cluster) Address() string {
	address, _, _ := strings.Cut(c.plain, "/")
	return address
}

// Exec runs SQL as the owner of the database and returns the first column of the last
// statement's first row, if it has one.
func (c *Cluster) Exec(t testing.TB, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, "postgres://jpsync@"+c.plain)
	require.NoError(t, err)
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, sql).ReadAll()
	require.NoError(t, err)
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

// PgBouncer starts a pooler in transaction mode before a database of [Postgres], and returns
// the location through it.
func PgBouncer(t testing.TB, location string) string {
	t.Helper()
	program := find(t, "pgbouncer")
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
	start(t, asPostgres(program, config))
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

// asPostgres is a command that runs as the user postgres where this process is root, which
// PostgreSQL refuses to run as.
func asPostgres(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = os.TempDir()
	giveUpRoot(cmd)
	return cmd
}

// ownedDir is a temporary directory that the user postgres can use. The parents of
// t.TempDir may be closed to others, and its path may be too long for a socket.
func ownedDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "storetest")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, giveToPostgres(dir))
	return dir
}
