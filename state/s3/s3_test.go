package s3_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/storetest"
	"jpsync/state/s3"
	"jpsync/state/shared"
	"jpsync/state/statetest"
)

func place(t *testing.T, location string) *s3.Place {
	t.Helper()
	l, err := s3.FromEnvironment(location)
	require.NoError(t, err)
	return s3.New(l)
}

// opener makes an empty place in the bucket with each call.
func opener(endpoint string) func(t *testing.T) shared.Place {
	var n atomic.Int64
	return func(t *testing.T) shared.Place {
		return place(t, storetest.S3Location(endpoint, fmt.Sprintf("some/place-%d", n.Add(1))))
	}
}

func TestPlaceInProcess(t *testing.T) {
	storetest.SetCredentials(t)
	testAll(t, opener(storetest.FakeS3(t)))
}

func TestPlaceOnMinio(t *testing.T) {
	storetest.SetCredentials(t)
	testAll(t, opener(storetest.Minio(t)))
}

func TestPlaceOnVersitygw(t *testing.T) {
	storetest.SetCredentials(t)
	testAll(t, opener(storetest.Versitygw(t)))
}

func testAll(t *testing.T, open func(t *testing.T) shared.Place) {
	statetest.TestPlace(t, open)
	statetest.TestShared(t, open)
}

// TestLongLog lists more than one page, and reads all of it.
func TestLongLog(t *testing.T) {
	storetest.SetCredentials(t)
	memory := shared.NewMemory()
	statetest.LongLog(t, memory, 1100)
	for name, endpoint := range map[string]func(testing.TB) string{"in process": storetest.FakeS3, "versitygw": storetest.Versitygw} {
		t.Run(name, func(t *testing.T) {
			p := opener(endpoint(t))(t)
			statetest.Copy(t, memory, p)
			entries, _, err := p.List(t.Context(), "log/", "log/000000000001")
			require.NoError(t, err)
			require.Len(t, entries, 1099)
			store, err := shared.New(p, 0)
			require.NoError(t, err)
			s, err := store.Load(t.Context())
			require.NoError(t, err)
			require.Len(t, s.Apps, 1097)
		})
	}
}
