package shared_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state/shared"
	"jpsync/state/statetest"
)

func TestCost(t *testing.T) { synctest.Test(t, statetest.TestCost) }

func TestLoadingReadsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := shared.NewMemory()
		statetest.LongLog(t, memory, 3000)
		place := &statetest.Distant{Place: memory, Latency: 10 * time.Millisecond}
		store, err := shared.New(place, 0)
		require.NoError(t, err)
		began := time.Now()
		s, err := store.Load(t.Context())
		require.NoError(t, err)
		require.Len(t, s.Apps, 2997)
		require.Equal(t, 32, place.Most())
		require.LessOrEqual(t, time.Since(began), 1200*time.Millisecond)
	})
}
