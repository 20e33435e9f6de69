package cli

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
)

// lines is a standard error that hands on what is written to it.
type lines chan string

func (c lines) Write(text []byte) (int, error) {
	c <- string(text)
	return len(text), nil
}

// A run without a terminal is never silent for longer than a CI system waits, and prints nothing
// once it has ended.
func TestSilenceIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		printed := make(lines, 1)
		p := newProgress(&terminal{Host: Host{Err: printed}}, 3)
		began := time.Now()
		time.Sleep(maxSilence - time.Second)
		p.count(executor.Event{Type: executor.ApplyComplete})
		p.print("a line")
		require.Equal(t, "a line\n", <-printed)
		for range 2 {
			require.Contains(t, <-printed, "1 of 3 done")
		}
		require.Equal(t, 3*maxSilence-time.Second, time.Since(began))
		p.close()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, printed)
	})
}
