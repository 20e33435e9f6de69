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
	transport := sandbox.Transport(server)
	b.Cleanup(func() { transport.Close() })
	client, err := jpush.New(jpush.Options{Endpoint: sandbox.Endpoint, DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret, Transport: transport})
	require.NoError(b, err)
	return client
}

// BenchmarkApply creates apps with everything that an apply does: intents, a journal on a
// real disk, events. Compare it with BenchmarkBareLoop.
func BenchmarkApply(b *testing.B) {
	for _, c := range benchmarkCases {
		b.Run(fmt.Sprintf("latency=%v/inflight=%d/apps=%d", c.latency, c.inFlight, c.apps), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				client := benchmarkClient(b, c.latency)
				store := state.NewFile(filepath.Join(b.TempDir(), "jpsync.state.json"), state.OS{})
				run, err := state.Begin(b.Context(), store, state.Options{})
				require.NoError(b, err)
				require.NoError(b, run.Bind(sandbox.Endpoint, sandbox.DevKey))
				require.NoError(b, run.Open(c.apps))
				p, st := creates(c.apps), run.State()
				b.StartTimer()
				res, err := Apply(b.Context(), p, st, Options{API: client, Journal: Journaled(run), Parallelism: c.inFlight, OnEvent: func(Event) {}})
				b.StopTimer()
				require.NoError(b, err)
				require.Equal(b, c.apps, res.Counts.Created)
				require.NoError(b, run.Finish(b.Context()))
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.apps), "ns/app")
		})
	}
}

// BenchmarkBareLoop makes the same calls of the client and nothing else.
func BenchmarkBareLoop(b *testing.B) {
	for _, c := range benchmarkCases {
		b.Run(fmt.Sprintf("latency=%v/inflight=%d/apps=%d", c.latency, c.inFlight, c.apps), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				client := benchmarkClient(b, c.latency)
				p := creates(c.apps)
				b.StartTimer()
				next := make(chan jpush.App)
				var workers sync.WaitGroup
				for range c.inFlight {
					workers.Go(func() {
						for app := range next {
							if _, err := client.CreateApp(context.Background(), app); err != nil {
								b.Error(err)
							}
						}
					})
				}
				for _, a := range p.Actions {
					next <- jpush.App{Name: a.AppName, AndroidPackage: a.AndroidPackage}
				}
				close(next)
				workers.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.apps), "ns/app")
		})
	}
}
