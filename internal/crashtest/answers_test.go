package crashtest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answersAreLost drops the store's answers, one kind of call at a time, or brings them late. The
// run knows what the store has, and nothing is sent twice.
func answersAreLost(t *testing.T, b *backend, certificate []byte) {
	const apps = 16
	type trouble struct {
		kind string
		fate fate
	}
	list := []trouble{
		{"list", cut}, {"read", cut}, {"open", cut}, {"batch", cut}, {"beat", cut}, {"snapshot", cut}, {"fold", cut}, {"remove", cut}, {"close", cut},
		{"batch", slow}, {"beat", slow},
	}
	if _, ok := b.speak().(*postgres3); ok {
		list = append(list, trouble{"connect", cut})
	}
	if full {
		list = append(list, trouble{"list", slow}, trouble{"open", slow}, trouble{"snapshot", slow}, trouble{"fold", slow}, trouble{"remove", slow}, trouble{"close", slow})
	}
	var f figures
	var dropped atomic.Int64
	rounds(t, b.some(len(list), len(list)), func(t *testing.T, n int) {
		trouble := list[n-1]
		// The requests are so long that beats renew the lease meanwhile.
		w := newShared(t, b, apps, certificate, 3*time.Second)
		w.long()
		met, most := 0, 2
		if trouble.fate == slow {
			most = 1
		}
		w.door.set(func(c call) fate {
			if c.kind != trouble.kind || !c.answered || met == most {
				return pass
			}
			met++
			return trouble.fate
		})
		code, out := w.run("", "apply", "--auto-approve", "--parallelism", "16")
		require.Equal(t, 0, code, "%v: %s", trouble, out)
		require.Equal(t, apps, w.server.Counts().Creates)
		w.converge()
		f.check(w)
		dropped.Add(int64(met))
		require.NotZero(t, met, "%v never came", trouble)
	})
	t.Logf("%d answers lost or late", dropped.Load())
	f.verdict(t, 0)
}

// sixteenAtOnce starts 16 applies: those that do not get the lock say so and send nothing, or
// wait for it and find nothing left to do.
func sixteenAtOnce(t *testing.T, b *backend, certificate []byte) {
	for _, mode := range []struct {
		name  string
		count int
		flags []string
		codes []int
	}{
		{"at once", 16, nil, []int{0, 6}},
		{"one after the other", 4, []string{"--lock-timeout", "1m"}, []int{0}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			w := newShared(t, b, 20, certificate, 50*time.Millisecond)
			w.long()
			var all []*process
			for range mode.count {
				all = append(all, w.start(append([]string{"apply", "--auto-approve"}, mode.flags...)...))
			}
			count := map[int]int{}
			for _, p := range all {
				code, out := p.wait()
				require.Contains(t, mode.codes, code, out)
				count[code]++
			}
			require.NotZero(t, count[0])
			require.Equal(t, 24, w.server.Counts().Requests, "20 creates and 4 uploads, each once")
			require.Zero(t, w.compare(w.recorded()))
			t.Logf("exit codes: %v", count)
		})
	}
}
