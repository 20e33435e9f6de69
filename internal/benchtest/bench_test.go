package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

func TestServiceAnswersLikeTheAPI(t *testing.T) {
	s := &service{}
	server := httptest.NewServer(s)
	defer server.Close()
	for path, want := range map[string]string{
		"/v1/app":               `{"app_key":"000000000000000000000001","is_new_created":true}`,
		"/v1/app/k/certificate": `{"success":"Synchronized success"}`,
	} {
		resp, err := http.Post(server.URL+path, "application/json", strings.NewReader("{}"))
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		require.Equal(t, want, string(body))
	}
	require.EqualValues(t, 2, s.served.Load())
}

func TestRivalMakesEachRequestOnce(t *testing.T) {
	s := &service{}
	server := httptest.NewServer(s)
	defer server.Close()
	endpoint := server.URL + "/v1/"
	require.NoError(t, rival([]string{"-n", "50", "-parallelism", "8", "-endpoint", endpoint}))
	require.EqualValues(t, 50, s.created.Load())

	certificates := t.TempDir()
	require.NoError(t, mint(certificates, 3))
	require.NoError(t, rival([]string{"-n", "3", "-parallelism", "2", "-endpoint", endpoint, "-certificates", certificates}))
	require.EqualValues(t, 53, s.served.Load())
	require.Error(t, rival([]string{"-n", "4", "-endpoint", endpoint, "-certificates", certificates}), "a file is missing")
}

func TestRivalDecodesTheManifest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "jpsync.yaml")
	require.NoError(t, writeManifest(dir, 5, "certs"))
	require.NoError(t, rival([]string{"-decode", path}))
	require.NoError(t, writeManifest(dir, 0, ""))
	require.Error(t, rival([]string{"-decode", path}))
	require.Error(t, rival([]string{"-decode", os.DevNull}))
}

// taking is a side that takes so long in each round, and writes its name.
func taking(order *strings.Builder, name string, memory int64, walls ...time.Duration) side {
	return func() (usage, error) {
		order.WriteString(name)
		u := usage{wall: walls[0], memory: memory}
		time.Sleep(u.wall)
		if len(walls) > 1 {
			walls = walls[1:]
		}
		return u, nil
	}
}

func TestShortRoundsAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order strings.Builder
		s, err := compare(2, taking(&order, "a", 0, time.Second), taking(&order, "b", 0, time.Second))
		require.NoError(t, err)
		require.Len(t, s.ours, 5, "for ten seconds")
		s, err = compare(2, taking(&order, "a", 0, time.Millisecond), taking(&order, "b", 0, time.Millisecond))
		require.NoError(t, err)
		require.Len(t, s.ours, 10, "five times as often")
	})
}

// The sides take turns to be first, and one bad round does not show.
func TestFigureIsTheMedianOfItsRounds(t *testing.T) {
	var order strings.Builder
	var s samples
	var err error
	synctest.Test(t, func(*testing.T) {
		s, err = compare(3, taking(&order, "a", 20*mebibyte, 2*time.Second, time.Hour, 2*time.Second), taking(&order, "b", 10*mebibyte, time.Second))
	})
	require.NoError(t, err)
	require.Equal(t, "abbaab", order.String())
	var table strings.Builder
	b := &bench{out: &table}
	b.print(s.wall("x", 2.5))
	b.print(s.memory("x", 1.5))
	require.Equal(t, "| x | 2.00 s | 1.00 s | 2.00× | ≤ 2.5× | yes |\n| x | 20 MiB | 10 MiB | 2.00× | ≤ 1.5× | **no** |\n", table.String())
	require.Equal(t, 1, b.missed)
}

func TestBusyShareCountsOnceSettled(t *testing.T) {
	var requests []sandbox.Request
	for _, status := range []int{429, 200, 200, 429, 200, 200, 200} {
		requests = append(requests, sandbox.Request{Status: status})
	}
	require.Equal(t, 0.25, busyShare(requests, 2))
	require.Zero(t, busyShare(nil, 2))
}
