package crashtest

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

// TestThirtyTwoAtOnce starts 32 applies on one state: those that do not get the lock say so
// and send nothing, or wait for it and find nothing left to do.
func TestThirtyTwoAtOnce(t *testing.T) {
	certificate := p12(t)
	for _, mode := range []struct {
		name  string
		flags []string
		codes []int
	}{
		{"at once", nil, []int{0, 6}},
		{"one after the other", []string{"--lock-timeout", "50s"}, []int{0}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			latency, err := sandbox.ParseFault("latency=20ms")
			require.NoError(t, err)
			w := newWorld(t, 20, certificate, sandbox.Options{Faults: []sandbox.Fault{latency}})
			var all []*exec.Cmd
			for range 32 {
				cmd := w.command("", append([]string{"apply", "--auto-approve"}, mode.flags...)...)
				require.NoError(t, cmd.Start())
				all = append(all, cmd)
			}
			count := map[int]int{}
			for _, cmd := range all {
				_ = cmd.Wait() // the code is what counts
				count[cmd.ProcessState.ExitCode()]++
			}
			for code := range count {
				require.Contains(t, mode.codes, code)
			}
			require.NotZero(t, count[0])
			require.Equal(t, 24, w.server.Counts().Requests, "20 creates and 4 uploads, each once")
			require.Zero(t, w.compare(w.recorded()))
			t.Logf("exit codes: %v", count)
		})
	}
}
