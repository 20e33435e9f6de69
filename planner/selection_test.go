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
		{planner.Selection{Targets: []string{"pay"}}, "something is asked for shop by name, and the selection leaves it out: select it as well, or leave the selection away"},
		{planner.Selection{Labels: map[string]string{"tier": ""}}, "--select tier=: no app of the manifest has this label"},
	} {
		var asked []string
		if strings.Contains(test.wrong, "by name") {
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
