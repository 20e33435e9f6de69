package planner_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "plans", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run with -update if this is meant, and look at the difference")
}

// scenario is one manifest, one state and one set of options, and so one plan.
type scenario struct {
	name     string
	manifest string
	state    *state.State
	files    map[string]file
	options  planner.Options
	opens    []string // the certificate files that have to be looked into; nil: don't ask
	// rest says what a second plan still has to say after the first one was carried out:
	// most scenarios leave nothing.
	rest rest
}

type rest int

const (
	nothing  rest = iota
	blocked       // conflicts: it cannot be carried out
	leftOver      // what the options left out, or certificates that must not be sent
)

// Each scenario's plan is compared with a golden file in both forms, and planned again
// after it was carried out. A second plan that is not empty would never come to an end.
func TestPlans(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenarios() {
		require.False(t, seen[s.name], s.name)
		seen[s.name] = true
		t.Run(s.name, func(t *testing.T) {
			f := &files{byPath: s.files, opened: []string{}}
			st := s.state
			if st == nil {
				st = state.New()
			}
			in := input(load(t, s.manifest), st, f)
			in.Options = s.options
			untouched := st.Clone()
			p, err := planner.Build(in)
			require.NoError(t, err)
			require.Equal(t, untouched, st, "planning changes nothing")
			if s.opens != nil {
				require.Equal(t, s.opens, f.opened)
			}

			var text bytes.Buffer
			require.NoError(t, report.PlanText(&text, p, report.Style{Width: 100}, now))
			golden(t, s.name+".txt", text.Bytes())
			data, err := json.MarshalIndent(p, "", "  ")
			require.NoError(t, err)
			golden(t, s.name+".json", append(data, '\n'))

			after, err := perform(p, st)
			if s.rest == blocked {
				require.NotEmpty(t, p.Conflicts)
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			in.State = after
			in.Options.Replace, in.Options.Accept = nil, nil
			again, err := planner.Build(in)
			require.NoError(t, err)
			require.Empty(t, again.Changes)
			require.Empty(t, again.Corrections)
			require.Empty(t, again.Conflicts)
			if s.rest == nothing {
				require.Empty(t, again.Errors)
				require.Zero(t, again.LeftOut)
				return
			}
			require.NotZero(t, again.LeftOut+len(again.Errors), "there is nothing left over: say so")
		})
	}
	if *update {
		return
	}
	names, err := filepath.Glob(filepath.Join("testdata", "plans", "*"))
	require.NoError(t, err)
	require.Len(t, names, 2*len(seen), "a golden file of a scenario that is gone")
}
