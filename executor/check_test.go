package executor

import (
	"math"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/planner"
)

// A plan that does not fit the state is refused before anything is written or sent.
func TestRefusedPlans(t *testing.T) {
	bare := upload("shop", jpush.Production)
	bare.Certificate = nil
	nowhere := upload("shop", "")
	tests := []struct {
		name string
		plan *planner.Plan
		opts func(*Options)
		want string
	}{
		{"a conflict", &planner.Plan{Changes: creates(1).Changes, Conflicts: []planner.Conflict{{App: "shop"}}}, nil, "conflict"},
		{"a create of what is recorded", plan(create("shop")), nil, "stale"},
		{"a delete of what is not recorded", plan(remove("other", "key1", planner.Removed)), nil, "stale"},
		{"a delete of another key", plan(remove("shop", "key2", planner.Removed)), nil, "stale"},
		{"a delete of no key", plan(remove("shop", "", planner.Removed)), nil, "stale"},
		{"a second delete", plan(remove("shop", "key1", planner.Replace), remove("shop", "key1", planner.Replace)), nil, "stale"},
		{"an upload for what is not recorded", plan(upload("other", jpush.Production)), nil, "stale"},
		{"an upload after the delete", plan(remove("shop", "key1", planner.Replace), upload("shop", jpush.Production)), nil, "stale"},
		{"an upload of nothing", plan(bare), nil, "no certificate"},
		{"an upload to nowhere", plan(nowhere), nil, "no environment"},
		{"no way to read certificates", plan(upload("shop", jpush.Production)), func(o *Options) { o.Certificates = nil }, "nothing to read them"},
		{"another action", plan(planner.Change{Action: "update", App: "shop"}), nil, "no such action"},
		{"steps apart", plan(create("a"), create("b"), upload("a", jpush.Production)), nil, "do not stand together"},
		{"a correction of nothing", &planner.Plan{Corrections: []planner.Correction{{App: "other", Field: planner.FieldAppName}}}, nil, "stale"},
		{"a correction of no certificate", &planner.Plan{Corrections: []planner.Correction{{App: "shop", Environment: jpush.Production, Field: planner.FieldFile}}}, nil, "stale"},
		{"no API", creates(1), func(o *Options) { o.API = nil }, "no API"},
		{"no journal", creates(1), func(o *Options) { o.Journal = nil }, "no journal"},
		{"parallelism", creates(1), func(o *Options) { o.Parallelism = -1 }, "parallelism of -1"},
		{"attempts", creates(1), func(o *Options) { o.MaxAttempts = -1 }, "maximum of -1"},
		{"rate", creates(1), func(o *Options) { o.Rate = -1 }, "rate of -1"},
		{"no rate", creates(1), func(o *Options) { o.Rate = math.NaN() }, "rate of NaN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			require.Equal(t, "key1", w.have("shop"))
			if tt.opts != nil {
				tt.opts(&w.opts)
			}
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

func TestDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts = Options{API: w.server, Journal: w.journal}
		w.latency = 1
		w.fault = func(call) *fault { return &fault{err: refusal(10)} }
		res := w.apply(t, t.Context(), creates(10))
		require.Equal(t, 4, w.most)
		require.Equal(t, 50, res.Counts.Requests)
		require.Equal(t, 40, res.Counts.Retries)
	})
}
