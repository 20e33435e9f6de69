package postgres_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/storetest"
	"jpsync/state"
	"jpsync/state/postgres"
	"jpsync/state/shared"
	"jpsync/state/statetest"
)

func store(t *testing.T, place shared.Place) *shared.Store {
	t.Helper()
	s, err := shared.New(place, 0)
	require.NoError(t, err)
	return s
}

// testCrash kills servers as a power failure does.
func testCrash(t *testing.T, cluster *storetest.Cluster) {
	t.Run("what is created is durable where commits are not", func(t *testing.T) {
		p := place(t, cluster.Location("jpsync", "durable"))
		require.NoError(t, p.Create(t.Context(), "log/000000000001", []byte("x")))
		cluster.Exec(t, "INSERT INTO jpsync_log VALUES ('durable', 'log/000000000002', 'y', now())")
		cluster.Crash(t)
		entries, _, err := p.List(t.Context(), "log/", "")
		if err != nil { // on the connection that broke
			entries, _, err = p.List(t.Context(), "log/", "")
		}
		require.NoError(t, err)
		require.Len(t, entries, 1, "a commit that nobody waited for is gone, and ours is there")
		require.Equal(t, "log/000000000001", entries[0].Name)
	})
	t.Run("a run goes on when the server is back", func(t *testing.T) {
		hooked := &statetest.Hooked{Place: place(t, cluster.Location("jpsync", "restart"))}
		require.NoError(t, shared.Race(t.Context(), hooked), "sixteen connections are open now")
		x, s, _, err := store(t, hooked).Open(t.Context(), state.Holder{})
		require.NoError(t, err)
		cluster.Crash(t)
		before := hooked.Calls()
		require.NoError(t, x.Append(t.Context(), []state.Record{{Bind: &state.Binding{Lineage: "l", Endpoint: "https://e/", Account: "a"}}}))
		require.LessOrEqual(t, hooked.Calls()-before, 4, "not one attempt for each connection that broke")
		s.Lineage, s.Serial = "l", 1
		require.NoError(t, x.Fold(t.Context(), s))
		require.NoError(t, x.Close())
	})
}

func testRights(t *testing.T, cluster *storetest.Cluster) {
	cluster.Exec(t, "DROP TABLE IF EXISTS jpsync_log")
	cluster.Exec(t, "CREATE ROLE limited LOGIN")
	p := place(t, cluster.Location("limited", "rights"))
	s, err := store(t, p).Load(t.Context())
	require.NoError(t, err)
	require.Empty(t, s.Apps)
	refused := func() {
		t.Helper()
		_, _, _, err := store(t, p).Open(t.Context(), state.Holder{})
		require.ErrorContains(t, err, "jpsync state sql")
		require.NotContains(t, err.Error(), "\n")
	}
	refused() // there is no table, and it may not make one
	cluster.Exec(t, postgres.Table)
	_, err = store(t, p).Load(t.Context())
	require.ErrorContains(t, err, "jpsync state sql")
	cluster.Exec(t, "GRANT SELECT ON jpsync_log TO limited")
	_, err = store(t, p).Load(t.Context())
	require.NoError(t, err, "a plan reads")
	refused()
	cluster.Exec(t, "GRANT INSERT ON jpsync_log TO limited")
	for _, id := range []string{"a", "b"} {
		require.NoError(t, statetest.FullRun(p, id))
	}
	kept, _, err := p.List(t.Context(), "log/", "")
	require.NoError(t, err)
	cluster.Exec(t, "GRANT DELETE ON jpsync_log TO limited")
	require.NoError(t, statetest.FullRun(p, "c"))
	fewer, _, err := p.List(t.Context(), "log/", "")
	require.NoError(t, err)
	require.Less(t, len(fewer), len(kept)+5, "what was folded is removed")
	s, err = store(t, p).Load(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Apps, 6)

	t.Setenv("PGPASSWORD", "")
	t.Setenv("PGPASSFILE", filepath.Join(t.TempDir(), "none"))
	cluster.RequirePassword(t, "limited", "pass-canary")
	load := func() error {
		p := place(t, cluster.Location("limited", "rights"))
		_, err := store(t, p).Load(t.Context())
		return err
	}
	require.Eventually(t, func() bool { return load() != nil }, 10*time.Second, 50*time.Millisecond, "the server has read its rules")
	require.ErrorContains(t, load(), "PGPASSWORD")
	t.Setenv("PGPASSWORD", "wrong-canary")
	require.ErrorContains(t, load(), "check PGPASSWORD")
	require.NotContains(t, load().Error(), "canary")
	t.Setenv("PGPASSWORD", "pass-canary")
	require.NoError(t, load())
	t.Setenv("PGPASSWORD", "")
	file := filepath.Join(t.TempDir(), "pgpass")
	require.NoError(t, os.WriteFile(file, []byte("127.0.0.1:*:*:limited:pass-canary\n"), 0o600))
	t.Setenv("PGPASSFILE", file)
	require.NoError(t, load())
}

// testCreateThatWaits is as old as the end of its wait: with now() it would be as old as the
// beginning, and somebody else's lease over before it began.
func testCreateThatWaits(t *testing.T, cluster *storetest.Cluster) {
	p := place(t, cluster.Location("jpsync", "waits"))
	require.NoError(t, p.Create(t.Context(), "log/000000000001", nil))
	var group sync.WaitGroup
	group.Go(func() {
		cluster.Exec(t, "BEGIN; LOCK TABLE jpsync_log IN EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT")
	})
	defer group.Wait()
	locked := func() bool {
		return cluster.Exec(t, "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'jpsync_log'::regclass") == "1"
	}
	require.Eventually(t, locked, 10*time.Second, 10*time.Millisecond)
	_, began, err := p.List(t.Context(), "log/", "")
	require.NoError(t, err, "readers do not wait")
	require.NoError(t, p.Create(t.Context(), "log/000000000002", nil))
	entries, _, err := p.List(t.Context(), "log/", "")
	require.NoError(t, err)
	require.Greater(t, entries[1].Time.Sub(began), 500*time.Millisecond)
}

// testStatementsCutOff cuts the connection after each so many bytes of what is sent, and of
// what is answered.
func testStatementsCutOff(t *testing.T, cluster *storetest.Cluster) {
	address, cuts := cutter(t, cluster.Address())
	base := strings.Replace(cluster.Location("jpsync", "cut"), cluster.Address(), address, 1)
	tried := 0
	for bytes := int64(50); bytes < 4000; bytes += bytes / 2 {
		for _, answer := range []bool{false, true} {
			p := place(t, base+time.Duration(bytes).String()+map[bool]string{true: "a"}[answer])
			cuts <- cut{answer, bytes}
			require.NoError(t, statetest.FullRun(p, "first"), "%d bytes, answer %v", bytes, answer)
			require.NoError(t, statetest.FullRun(p, "second"))
			s, err := store(t, p).Load(t.Context())
			require.NoError(t, err)
			require.Len(t, s.Apps, 4)
			p.Close()
			tried++
		}
	}
	t.Logf("%d cuts tried, 0 records lost", tried)
}

// cut says that the next connection ends after so many bytes of one direction.
type cut struct {
	answer bool
	bytes  int64
}

// cutter passes connections on.
func cutter(t *testing.T, to string) (address string, cuts chan cut) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	cuts = make(chan cut, 1)
	pass := func(client, server net.Conn, c cut) {
		var closing sync.Once
		end := func() { closing.Do(func() { _ = client.Close(); _ = server.Close() }) }
		copyUntil := func(to, from net.Conn, limit bool) {
			var source io.Reader = from
			if limit {
				source = io.LimitReader(from, c.bytes)
			}
			_, _ = io.Copy(to, source)
			end()
		}
		go copyUntil(server, client, c.bytes > 0 && !c.answer)
		go copyUntil(client, server, c.bytes > 0 && c.answer)
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if !assert.NoError(t, err) {
				return
			}
			select {
			case c := <-cuts:
				pass(client, server, c)
			default:
				pass(client, server, cut{})
			}
		}
	}()
	return listener.Addr().String(), cuts
}

// testLongLog reads three thousand entries over no more connections than a place has.
func testLongLog(t *testing.T, cluster *storetest.Cluster) {
	memory := shared.NewMemory()
	statetest.LongLog(t, memory, 3000)
	p := place(t, cluster.Location("jpsync", "long"))
	statetest.Copy(t, memory, p)
	began := time.Now()
	s, err := store(t, p).Load(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Apps, 2997)
	t.Logf("3000 entries in %s", time.Since(began).Round(time.Millisecond))
	require.Equal(t, "16", cluster.Exec(t, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%jpsync_log%' AND pid <> pg_backend_pid()"))
}
