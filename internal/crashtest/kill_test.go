package crashtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

// full runs every point instead of a sample.
var full = os.Getenv("CRASHTEST_FULL") != ""

// points are the operations to try: all of them, or some 20 that always include the first
// and the last few, where files are made and put in place.
func points(n int) []int {
	var list []int
	step, edge := max(1, n/20), 8
	switch {
	case full:
		step = 1
	case testing.Short(): // with the race detector, which looks for something else
		step, edge = max(1, n/4), 2
	}
	for i := 1; i <= n; i++ {
		if i%step == 0 || i <= 2 || i > n-edge {
			list = append(list, i)
		}
	}
	return list
}

// TestKilledAtEveryOperation kills an apply before each write, sync, rename and removal of
// its files, and in the middle of each write, and runs it again. Right after the kill, at most
// what was in flight may be missing from the record; after the second run, nothing.
func TestKilledAtEveryOperation(t *testing.T) {
	certificate := p12(t)
	for _, mode := range []struct {
		name        string
		parallelism int
		identity    sandbox.Identity
	}{
		{"one at a time", 1, sandbox.ByPackage},
		{"four at a time", 4, sandbox.ByPackage},
		{"on a service that makes an app for every create", 4, sandbox.CreateAlways},
	} {
		t.Run(mode.name, func(t *testing.T) {
			args := []string{"apply", "--auto-approve", "--parallelism", strconv.Itoa(mode.parallelism)}
			calm := newWorld(t, 20, certificate, sandbox.Options{Identity: mode.identity})
			code, out := calm.run("", args...)
			require.Equal(t, 0, code, out)
			operations := calm.operations()
			var sum, untold losses
			tried, killed := 0, 0
			for _, fault := range []string{"kill", "torn"} {
				for _, n := range points(len(operations)) {
					tried++
					w := newWorld(t, 20, certificate, sandbox.Options{Identity: mode.identity})
					code, out := w.run(fmt.Sprintf("%s@%d", fault, n), args...)
					if code == -1 {
						killed++
					} else {
						require.Contains(t, []int{0, 1, 3}, code, out)
					}
					early := w.compare(w.recorded())
					require.LessOrEqual(t, early.answers, mode.parallelism, "more is missing than was in flight")
					said := w.converge()
					late := w.compare(w.recorded())
					sum.add(late)
					if late.duplicates > strings.Count(said, "may have made a second app") {
						untold.add(late)
					}
				}
			}
			require.Greater(t, killed, tried/2)
			require.Zero(t, untold)
			if mode.identity == sandbox.CreateAlways {
				// Nobody can ask such a service what became of a request that was in flight.
				t.Logf("%d operations, %d points tried, %d killed, %d apps made twice, all of them told", len(operations), tried, killed, sum.duplicates)
				return
			}
			t.Logf("%d operations, %d points tried, %d killed, %d answers lost, %d duplicates", len(operations), tried, killed, sum.answers, sum.duplicates)
			require.Zero(t, sum)
		})
	}
}

// TestKilledAtRandomMoments kills from outside, while requests are in flight.
func TestKilledAtRandomMoments(t *testing.T) {
	rounds := 10
	switch {
	case full:
		rounds = 60
	case testing.Short():
		rounds = 2
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	certificate := p12(t)
	latency, err := sandbox.ParseFault("latency=2ms")
	require.NoError(t, err)
	var sum losses
	killed := 0
	for range rounds {
		w := newWorld(t, 60, certificate, sandbox.Options{Faults: []sandbox.Fault{latency}})
		cmd := w.command("", "apply", "--auto-approve", "--parallelism", "8")
		require.NoError(t, cmd.Start())
		after := 1 + random.IntN(60)
		for w.server.Counts().Requests < after && cmd.ProcessState == nil {
			time.Sleep(100 * time.Microsecond) // a poll, of which no assertion depends
		}
		require.NoError(t, cmd.Process.Kill())
		if cmd.Wait() != nil {
			killed++
		}
		w.converge()
		sum.add(w.compare(w.recorded()))
	}
	t.Logf("seed %d: %d rounds, %d killed, %d answers lost, %d duplicates", seed, rounds, killed, sum.answers, sum.duplicates)
	require.Zero(t, sum)
}
