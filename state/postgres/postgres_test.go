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

func TestPlace(t *testing.T) {
	testAll(t, opener(storetest.Postgres(t, "synchronous_commit=off")))
}

func TestPlaceBehindPgBouncer(t *testing.T) {
	testAll(t, opener(storetest.PgBouncer(t, storetest.Postgres(t))))
}

func testAll(t *testing.T, open func(t *testing.T) shared.Place) {
	statetest.TestPlace(t, open)
	statetest.TestShared(t, open)
}
