package state_test

import (
	"errors"
	"fmt"
	"path/filepath"
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
					if strings.HasPrefix(filepath.ToSlash(op.Name), "/rescue") || op.Kind == statetest.Unlock {
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
				err = s.run.Finish(t.Context())
				if unsaved, ok := errors.AsType[*state.SaveError](err); ok && !unsaved.Journaled {
					path, err = s.run.WriteRecovery("/d", "/rescue")
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

// checkRescue looks for every result that the run was given, durable or not: in the state,
// and in the recovery file if there is one.
func checkRescue(t *testing.T, mem *statetest.Memory, s *story, path string) {
	t.Helper()
	store := state.NewFile(statePath, mem)
	if path != "" {
		info, err := mem.Lstat(path)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
		for _, changed := range []bool{true, false} {
			r, err := state.Recover(t.Context(), store, state.Options{FS: mem}, path)
			require.NoError(t, err)
			require.True(t, r.Complete())
			require.True(t, changed || r.Changed == 0, "a second time changes nothing")
		}
	}
	run, err := state.Begin(t.Context(), store, state.Options{FS: mem})
	require.NoError(t, err)
	defer run.Close()
	want := s.expected[len(s.expected)-1]
	require.Equal(t, want.Apps, run.State().Apps, "after %d records", len(s.expected)-1)
}

// A full disk and a read-only place are found before there is anything to lose.
func TestStartFindsABadDisk(t *testing.T) {
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
		err = run.Start(t.Context())
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
	require.Equal(t, 5, ops, "create, write, sync, rename and directory sync of the journal")
}
