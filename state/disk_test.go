package state_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

// A disk that is full or broken: at one operation, or from one on.
func TestFullAndBrokenDisk(t *testing.T) {
	points, refused, recovered := 0, 0, 0
	for _, sick := range []error{syscall.ENOSPC, syscall.EIO, statetest.ShortWrite{Err: syscall.ENOSPC}} {
		for _, sticky := range []bool{false, true} {
			for n := 1; ; n++ {
				mem := disk(t, before())
				calls, hit := 0, false
				faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
					if strings.HasPrefix(op.Name, "/rescue") || op.Kind == statetest.Unlock {
						return nil
					}
					calls++ // those that only look fail as well
					if calls == n || (sticky && calls > n) {
						hit = true
						return sick
					}
					return nil
				})
				s, err := tell(faulty, before())
				if s.run == nil {
					refused++
					require.Empty(t, s.sent)
					continue
				}
				require.True(t, err == nil || errors.Is(err, errors.Unwrap(wrap(sick))), "%v", err)
				path := ""
				if err := s.run.Finish(t.Context()); err != nil {
					path, err = s.run.Recover("/d", "/rescue")
					require.NoError(t, err)
					recovered++
				}
				if !hit {
					break
				}
				points++
				checkRescue(t, mem, s, path)
			}
		}
	}
	t.Logf("%d points, %d found before the run began, %d recovery files, 0 losses", points, refused, recovered)
	require.Greater(t, recovered, 20)
}

func wrap(err error) error {
	var short statetest.ShortWrite
	if errors.As(err, &short) {
		err = short.Err
	}
	return fmt.Errorf("%w", err)
}

// checkRescue looks for every result that the run was told, durable or not: in the recovery
// file if there is one, else in the state.
func checkRescue(t *testing.T, mem *statetest.Memory, s *story, path string) {
	t.Helper()
	var got *state.State
	if path != "" {
		var err error
		got, err = state.NewFile(path, mem).Read(t.Context())
		require.NoError(t, err)
		info, err := mem.Lstat(path)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
	} else {
		run, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
		require.NoError(t, err)
		defer run.Close()
		got = run.State()
	}
	want := s.expected[len(s.expected)-1]
	require.True(t, maps.EqualFunc(want.Apps, got.Apps, func(a, b state.App) bool {
		return a.AppKey == b.AppKey && a.Certificates == b.Certificates
	}), "after %d records: %v", len(s.expected)-1, got.Apps)
}

// A full disk and a read-only place are found before there is anything to lose.
func TestOpenFindsABadDisk(t *testing.T) {
	ops := 0
	for n := 1; ; n++ {
		mem := disk(t, before())
		start := 0
		faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
			if start > 0 && op.N == start+n {
				return syscall.ENOSPC
			}
			return nil
		})
		run, err := state.Begin(t.Context(), state.NewFile(statePath, faulty), state.Options{FS: faulty})
		require.NoError(t, err)
		require.NoError(t, run.Bind(endpoint, account))
		start = len(faulty.Log())
		err = run.Open(20)
		start = 0
		if err == nil {
			require.NoError(t, run.Finish(t.Context()))
			break
		}
		ops++
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.NoError(t, run.Close())
		names, _ := mem.ReadDir("/d")
		require.Equal(t, []string{"jpsync.state.json", "jpsync.state.json.lock"}, names, "operation %d", n)
	}
	require.Equal(t, 8, ops, "create, write and sync of the room; create, write, sync, rename and directory sync of the journal")
}
