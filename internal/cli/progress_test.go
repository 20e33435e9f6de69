package cli

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
)

// A run without a terminal is never silent for longer than a CI system waits, and prints nothing
// once it has ended.
func TestSilenceIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		pause := func(d time.Duration) string {
			out.Reset()
			time.Sleep(d)
			synctest.Wait()
			return out.String()
		}
		p := newProgress(&terminal{Host: Host{Err: &out}}, 3)
		require.Empty(t, pause(maxSilence-time.Second))
		p.count(executor.Event{Type: executor.ApplyComplete})
		p.print("a line")
		require.Empty(t, pause(maxSilence-time.Second))
		require.Contains(t, pause(2*time.Second), "1 of 3 done")
		require.Contains(t, pause(maxSilence), "1 of 3 done")
		p.close()
		require.Empty(t, pause(time.Hour))
	})
}
