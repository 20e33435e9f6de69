package statetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state/shared"
)

// TestPlace checks the [shared.Place] contract. open makes an empty place.
func TestPlace(t *testing.T, open func(t *testing.T) shared.Place) {
	t.Run("what is created can be listed and read", func(t *testing.T) {
		place, ctx := open(t), t.Context()
		entries, clock, err := place.List(ctx, "log/", "")
		require.NoError(t, err)
		require.Empty(t, entries)
		require.WithinDuration(t, time.Now(), clock, time.Minute)

		body := []byte("\x00\xff{}\n商城")
		require.NoError(t, place.Create(ctx, "log/000000000002", body))
		require.NoError(t, place.Create(ctx, "log/000000000010", nil))
		require.NoError(t, place.Create(ctx, "log/000000000001", []byte("1")))
		require.NoError(t, place.Create(ctx, "state/000000000001", []byte("s")))
		entries, clock, err = place.List(ctx, "log/", "")
		require.NoError(t, err)
		require.Equal(t, []string{"log/000000000001", "log/000000000002", "log/000000000010"}, names(entries))
		require.EqualValues(t, len(body), entries[1].Size)
		require.WithinDuration(t, clock, entries[1].Time, 5*time.Second)
		entries, _, err = place.List(ctx, "log/", "log/000000000001")
		require.NoError(t, err)
		require.Equal(t, []string{"log/000000000002", "log/000000000010"}, names(entries))
		got, err := place.Read(ctx, "log/000000000002")
		require.NoError(t, err)
		require.Equal(t, body, got)
		got, err = place.Read(ctx, "log/000000000010")
		require.NoError(t, err)
		require.Empty(t, got)
	})
	t.Run("nothing is overwritten", func(t *testing.T) {
		place, ctx := open(t), t.Context()
		require.NoError(t, place.Create(ctx, "log/000000000001", []byte("first")))
		require.ErrorIs(t, place.Create(ctx, "log/000000000001", []byte("second")), shared.ErrExists)
		require.ErrorIs(t, place.Create(ctx, "log/000000000001", []byte("first")), shared.ErrExists)
		got, err := place.Read(ctx, "log/000000000001")
		require.NoError(t, err)
		require.Equal(t, "first", string(got))
	})
	t.Run("a large body under a condition that fails", func(t *testing.T) {
		place, ctx := open(t), t.Context()
		large := bytes.Repeat([]byte("0123456789abcdef"), 25<<20/16)
		require.NoError(t, place.Create(ctx, "state/000000000001", large))
		err := place.Create(ctx, "state/000000000001", bytes.Repeat([]byte("x"), len(large)))
		if _, unavailable := errors.AsType[*shared.UnavailableError](err); !unavailable { // some break the connection off
			require.ErrorIs(t, err, shared.ErrExists)
		}
		got, err := place.Read(ctx, "state/000000000001")
		require.NoError(t, err)
		require.True(t, bytes.Equal(large, got), "the body is as it was")
	})
	t.Run("what is removed is gone", func(t *testing.T) {
		place, ctx := open(t), t.Context()
		for n := range 5 {
			require.NoError(t, place.Create(ctx, fmt.Sprintf("log/%012d", n+1), []byte("x")))
		}
		require.NoError(t, place.Remove(ctx, "log/000000000001", "log/000000000003", "log/000000000009"))
		entries, _, err := place.List(ctx, "log/", "")
		require.NoError(t, err)
		require.Equal(t, []string{"log/000000000002", "log/000000000004", "log/000000000005"}, names(entries))
		_, err = place.Read(ctx, "log/000000000003")
		require.ErrorIs(t, err, shared.ErrNotFound)
	})
	t.Run("one of many racing callers wins", func(t *testing.T) {
		place := open(t)
		for range 10 {
			require.NoError(t, shared.Race(t.Context(), place))
		}
	})
	t.Run("a context that is over is honoured", func(t *testing.T) {
		place := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, place.Create(ctx, "log/000000000001", nil))
		_, _, err := place.List(ctx, "log/", "")
		require.Error(t, err)
		_, err = place.Read(ctx, "log/000000000001")
		require.Error(t, err)
	})
	t.Run("it says where it is", func(t *testing.T) { require.NotEmpty(t, open(t).Location()) })
}

func names(entries []shared.Entry) []string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.Name
	}
	return list
}
