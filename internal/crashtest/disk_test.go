package crashtest

import (
	"fmt"
	"maps"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
	"jpsync/state"
)

// importCommand is printed for each key that could not be written anywhere.
var importCommand = regexp.MustCompile(`(?m)^jpsync import (\S+) (\S+)$`)

// TestDiskFails lets the disk be full, or broken, at each operation of an apply: once, or from
// then on. What the server has answered is then in the state, the journal or a recovery file
// or, with no disk left, printed. With a good disk, the next run finishes the work.
func TestDiskFails(t *testing.T) {
	certificate := p12(t)
	args := []string{"apply", "--auto-approve", "--parallelism", "4"}
	clean := newWorld(t, 20, certificate, sandbox.Options{})
	code, out := clean.run("", args...)
	require.Equal(t, 0, code, out)
	operations := len(clean.operations())
	for _, fault := range []string{"enospc", "eio", "once-enospc", "once-eio"} {
		t.Run(fault, func(t *testing.T) {
			lost, early, tried := 0, 0, 0
			for _, n := range points(operations) {
				tried++
				w := newWorld(t, 20, certificate, sandbox.Options{})
				code, out := w.run(fmt.Sprintf("%s@%d", fault, n), args...)
				if code != 0 {
					require.Contains(t, []int{1, 3}, code, out)
				}
				if w.server.Counts().Requests == 0 {
					early++
				}
				known := w.recorded()
				maps.Copy(known, w.rescued())
				for _, printed := range importCommand.FindAllStringSubmatch(out, -1) {
					known[printed[1]] = state.App{AppKey: printed[2]}
				}
				if l := w.compare(known); l.answers > 0 {
					lost += l.answers
					t.Logf("%s@%d of %s: %d lost\n%s", fault, n, clean.operations()[n-1], l.answers, out)
				}
				w.converge()
				require.Zero(t, w.compare(w.recorded()))
			}
			t.Logf("%d operations, %d points tried, %d stopped before the first request, %d answers lost", operations, tried, early, lost)
			require.Zero(t, lost)
			require.NotZero(t, early)
		})
	}
}
