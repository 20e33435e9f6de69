package postgres_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/storetest"
	"jpsync/state/postgres"
	"jpsync/state/shared"
	"jpsync/state/statetest"
)

func place(t *testing.T, location string) *postgres.Place {
	t.Helper()
	l, err := postgres.Parse(location)
	require.NoError(t, err)
	p := postgres.New(l)
	t.Cleanup(p.Close)
	return p
}

// opener makes an empty place in the database with each call.
func opener(location string) func(t *testing.T) shared.Place {
	var n atomic.Int64
	base, _, _ := strings.Cut(location, "&state=")
	return func(t *testing.T) shared.Place { return place(t, fmt.Sprintf("%s&state=t%d", base, n.Add(1))) }
}

// TestServer runs on one server, which commits without waiting for the disk unless it is told
// otherwise.
func TestServer(t *testing.T) {
	cluster := storetest.NewCluster(t, "synchronous_commit=off", "wal_writer_delay=10s")
	location := cluster.Location("jpsync", "test")
	t.Run("place", func(t *testing.T) { testAll(t, opener(location)) })
	t.Run("rights", func(t *testing.T) { testRights(t, cluster) })
	t.Run("a create that waits", func(t *testing.T) { testCreateThatWaits(t, cluster) })
	t.Run("statements cut off", func(t *testing.T) { testStatementsCutOff(t, cluster) })
	t.Run("a long log", func(t *testing.T) { testLongLog(t, cluster) })
	t.Run("crash", func(t *testing.T) { testCrash(t, cluster) })
	t.Run("behind PgBouncer", func(t *testing.T) {
		through := storetest.PgBouncer(t, location)
		cluster.Exec(t, "DROP TABLE jpsync_log")
		testAll(t, opener(through))
	})
}

func testAll(t *testing.T, open func(t *testing.T) shared.Place) {
	statetest.TestPlace(t, open)
	statetest.TestShared(t, open)
}
