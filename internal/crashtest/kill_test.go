package crashtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

// full runs every point instead of a sample.
var full = os.Getenv("CRASHTEST_FULL") != ""

// points are the operations to try: all of them, or some 10 that always include the first
// and the last few, where files are made and put in place.
func points(n int) []int {
	var list []int
	step, edge := max(1, n/6), 3
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
// its files, and in the middle of each write, and runs it again. After the kill, the record may
// lack two answers for each worker: one whose record was not durable yet, and one in flight. Both
// are pending. After the second run, nothing is missing.
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
			clean := newWorld(t, 20, certificate, sandbox.Options{Identity: mode.identity})
			code, out := clean.run("", args...)
			require.Equal(t, 0, code, out)
			operations := clean.operations()
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
					pending := len(w.state().Pending)
					require.LessOrEqual(t, pending, 2*mode.parallelism)
					require.LessOrEqual(t, w.compare(w.recorded()).answers, pending, "an answer is missing whose request is not pending")
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

// TestStoppedAtRandomMoments sends a signal from outside while requests are in flight. After a
// SIGKILL the next run converges. After a SIGTERM the run itself has recorded every answer.
func TestStoppedAtRandomMoments(t *testing.T) {
	rounds := 10
	switch {
	case full:
		rounds = 60
	case testing.Short():
		rounds = 2
	}
	certificate := p12(t)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			random := rand.New(rand.NewPCG(seed, 1))
			latency := sandbox.Fault{Kind: sandbox.Latency, Delay: 2 * time.Millisecond}
			var sum losses
			stopped := 0
			for range rounds {
				w := newWorld(t, 60, certificate, sandbox.Options{Faults: []sandbox.Fault{latency}})
				cmd := w.command("", "apply", "--auto-approve", "--parallelism", "8")
				require.NoError(t, cmd.Start())
				after := 1 + random.IntN(60)
				require.Eventually(t, func() bool { return w.server.Counts().Requests >= after }, time.Minute, 100*time.Microsecond)
				require.NoError(t, cmd.Process.Signal(sig))
				if cmd.Wait() != nil {
					stopped++
				}
				if sig == syscall.SIGTERM {
					require.Contains(t, []int{0, 130}, cmd.ProcessState.ExitCode())
					sum.add(w.compare(w.recorded()))
					require.Empty(t, w.state().Pending)
				}
				w.converge()
				sum.add(w.compare(w.recorded()))
				if sig == syscall.SIGTERM {
					require.Equal(t, 60, w.server.Counts().Creates, "each create is sent once")
				}
			}
			t.Logf("seed %d: %d rounds, %d stopped, %d answers lost, %d duplicates", seed, rounds, stopped, sum.answers, sum.duplicates)
			require.Zero(t, sum)
		})
	}
}
