package executor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

// A plan with a conflict, or one that does not fit the state, is refused before anything is written
// or sent.
func TestRefusedPlans(t *testing.T) {
	tests := []struct {
		name string
		plan *planner.Plan
		want string
	}{
		{"a conflict", &planner.Plan{Changes: creates(1).Changes, Conflicts: []planner.Conflict{{App: "shop"}}}, "conflict"},
		{"a create of what is recorded", plan(create("shop")), "stale"},
		{"an upload for what is not recorded", plan(upload("other", jpush.Production)), "stale"},
		{"an upload after the delete", plan(remove("shop", "key1", planner.Replace), upload("shop", jpush.Production)), "stale"},
		{"a second delete", plan(remove("shop", "key1", planner.Replace), remove("shop", "key1", planner.Replace)), "stale"},
		{"steps apart", plan(create("a"), create("b"), upload("a", jpush.Production)), "stale"},
		{"uploads apart", plan(upload("shop", jpush.Production), create("b"), upload("shop", jpush.Development)), "stale"},
		{"a correction of nothing", &planner.Plan{Corrections: []planner.Correction{{App: "other", Field: planner.FieldAppName}}}, "stale"},
		{"a correction of no certificate", &planner.Plan{Corrections: []planner.Correction{{App: "shop", Environment: jpush.Production, Field: planner.FieldFile}}}, "stale"},
		{"a delete of what is not recorded", plan(remove("other", "key1", planner.Removed)), "stale"},
		{"a delete of what has no key", plan(remove("bare", "", planner.Removed)), "stale"},
		{"a delete of another key", plan(remove("shop", "key2", planner.Removed)), "stale"},
		{"a delete of no key", plan(remove("shop", "", planner.Removed)), "stale"},
		{"a delete of what is protected", plan(remove("kept", "key2", planner.Removed)), "stale"},
		{"a delete of a key that is recorded twice", plan(remove("twin", "key3", planner.Removed)), "stale"},
		{"another delete that is wrong", plan(remove("shop", "key1", planner.Replace), create("shop"), remove("bare", "key1", planner.Removed)), "stale"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			require.Equal(t, "key1", w.have("shop"))
			w.st.Apps["bare"] = state.App{}
			w.st.Apps["kept"] = state.App{AppKey: "key2", Protected: true}
			w.st.Apps["twin"], w.st.Apps["brother"] = state.App{AppKey: "key3"}, state.App{AppKey: "key3"}
			res, err := Apply(t.Context(), tt.plan, w.st, w.opts)
			require.Nil(t, res)
			require.ErrorContains(t, err, tt.want)
			require.Empty(t, w.calls)
			require.Empty(t, w.journal.records)
		})
	}
}

func TestAnEmptyPlanTouchesNothing(t *testing.T) {
	w := newWorld()
	w.have("shop")
	res, err := Apply(t.Context(), &planner.Plan{}, w.st, w.opts)
	require.NoError(t, err)
	require.True(t, res.Complete())
	require.False(t, res.Changed())
	require.Empty(t, w.journal.records)
	require.Empty(t, w.events)
}
