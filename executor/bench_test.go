package executor

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
	"jpsync/state"
)

// benchmarkCases are the services that an apply is measured against.
var benchmarkCases = []struct {
	latency  time.Duration
	inFlight int
	apps     int
}{
	{0, 8, 2000},
	{5 * time.Millisecond, 8, 1000},
	{20 * time.Millisecond, 64, 5000},
}

func benchmarkClient(b *testing.B, latency time.Duration) *jpush.Client {
	b.Helper()
	o := sandbox.Options{Seed: 1}
	if latency > 0 {
		o.Faults = []sandbox.Fault{{Kind: sandbox.Latency, Delay: latency}}
	}
	server, err := sandbox.New(o)
	require.NoError(b, err)
	client, err := jpush.New(jpush.Options{Endpoint: sandbox.Endpoint, DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret, Transport: sandbox.Transport(server)})
	require.NoError(b, err)
	return client
}

// BenchmarkApply creates apps with everything that an apply does: intents, a journal on a
// real disk, events. In turn it makes the same calls of the client in a bare loop; x/bare
// is how much longer the apply takes, each at its quickest.
func BenchmarkApply(b *testing.B) {
	for _, c := range benchmarkCases {
		b.Run(fmt.Sprintf("latency=%v/inflight=%d/apps=%d", c.latency, c.inFlight, c.apps), func(b *testing.B) {
			bare, full := time.Hour, time.Hour
			for b.Loop() {
				bare = min(bare, bareLoop(b, benchmarkClient(b, c.latency), c.apps, c.inFlight))
				full = min(full, wholeApply(b, benchmarkClient(b, c.latency), c.apps, c.inFlight))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(bare.Seconds()*1000, "bare-ms")
			b.ReportMetric(full.Seconds()*1000, "apply-ms")
			b.ReportMetric(full.Seconds()/bare.Seconds(), "x/bare")
		})
	}
}

func wholeApply(b *testing.B, client *jpush.Client, apps, inFlight int) time.Duration {
	store := state.NewFile(filepath.Join(b.TempDir(), "jpsync.state.json"), state.OS{})
	run, err := state.Begin(b.Context(), store, state.Options{})
	require.NoError(b, err)
	require.NoError(b, run.Bind(sandbox.Endpoint, sandbox.DevKey))
	require.NoError(b, run.Start(b.Context()))
	p, st := creates(apps), run.State()
	began := time.Now()
	res, err := Apply(b.Context(), p, st, Options{API: client, Journal: run, Parallelism: inFlight, MaxAttempts: 5, OnEvent: func(Event) {}})
	took := time.Since(began)
	require.NoError(b, err)
	require.Equal(b, apps, res.Counts.Created)
	require.NoError(b, run.Finish(b.Context()))
	return took
}

func bareLoop(b *testing.B, client *jpush.Client, apps, inFlight int) time.Duration {
	p := creates(apps)
	began := time.Now()
	next := make(chan jpush.App)
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for app := range next {
				if _, err := client.CreateApp(context.Background(), app); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, a := range p.Changes {
		next <- jpush.App{Name: a.AppName, AndroidPackage: a.AndroidPackage}
	}
	close(next)
	workers.Wait()
	return time.Since(began)
}
