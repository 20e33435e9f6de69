package planner_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

func TestASelectionHasToMatchSomething(t *testing.T) {
	m := &manifest.Manifest{Apps: []manifest.App{{ID: "shop", Labels: map[string]string{"team": "retail"}}, {ID: "pay"}}}
	st := &state.State{Apps: map[string]state.App{"old": {}}}
	for _, test := range []struct {
		selection planner.Selection
		wrong     string
	}{
		{planner.Selection{}, ""},
		{planner.Selection{Targets: []string{"sh*", "old"}, Excludes: []string{"pay"}, Labels: map[string]string{"team": "retail"}}, ""},
		{planner.Selection{Targets: []string{"shop", "shpo"}}, `--target shpo: no app of the manifest or the state has an id like this; did you mean "shop"?`},
		{planner.Selection{Excludes: []string{"retail-*"}}, "--exclude retail-*: no app of the manifest or the state has an id like this"},
		{planner.Selection{Targets: []string{"[c"}}, `"[c" is no pattern: syntax error in pattern (use * ? and [a-z], and \ before a literal one of them)`},
		{planner.Selection{Labels: map[string]string{"team": "media"}}, "--select team=media: no app of the manifest has this label"},
		{planner.Selection{Targets: []string{"pay"}}, "--replace or --accept names shop, and the selection leaves it out: select it as well, or leave the selection away"},
		{planner.Selection{Labels: map[string]string{"tier": ""}}, "--select tier=: no app of the manifest has this label"},
	} {
		var asked []string
		if strings.Contains(test.wrong, "--replace or") {
			asked = []string{"shop"}
		}
		err := test.selection.Check(m, st, asked...)
		if test.wrong == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, test.wrong)
		}
	}
}

func TestSelectionOfRecordedApps(t *testing.T) {
	m := &manifest.Manifest{Apps: []manifest.App{
		{ID: "shop", Labels: map[string]string{"team": "retail"}}, {ID: "mall", Labels: map[string]string{"team": "retail"}}, {ID: "pay"},
	}}
	st := &state.State{Apps: map[string]state.App{"shop": {}, "pay": {}, "old": {}, "older": {}}}
	for name, test := range map[string]struct {
		selection planner.Selection
		want      []string
	}{
		"all, orphans among them":         {planner.Selection{}, []string{"old", "older", "pay", "shop"}},
		"targets":                         {planner.Selection{Targets: []string{"s*", "old"}}, []string{"old", "shop"}},
		"excludes":                        {planner.Selection{Excludes: []string{"old*"}}, []string{"pay", "shop"}},
		"excludes beat targets":           {planner.Selection{Targets: []string{"old*"}, Excludes: []string{"old"}}, []string{"older"}},
		"a label, which orphans have not": {planner.Selection{Labels: map[string]string{"team": "retail"}}, []string{"shop"}},
		"an app that is not made yet":     {planner.Selection{Targets: []string{"mall"}}, []string{}},
	} {
		require.NoError(t, test.selection.Check(m, st), name)
		require.Equal(t, test.want, test.selection.Recorded(m, st), name)
	}
	require.Empty(t, planner.Selection{}.Recorded(m, state.New()))
}

// An orphan that is asked for by name is no less there than an app of the manifest.
func TestASelectionMustNotLeaveOutWhatIsNamed(t *testing.T) {
	m := &manifest.Manifest{Apps: []manifest.App{{ID: "shop", Labels: map[string]string{"team": "retail"}}}}
	st := &state.State{Apps: map[string]state.App{"shop": {}, "old": {}}}
	for _, selection := range []planner.Selection{
		{Excludes: []string{"old"}}, {Targets: []string{"shop"}}, {Labels: map[string]string{"team": "retail"}},
	} {
		require.NoError(t, selection.Check(m, st, "shop"))
		require.ErrorContains(t, selection.Check(m, st, "shop", "old"), "--replace or --accept names old")
	}
}
