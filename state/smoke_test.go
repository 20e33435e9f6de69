package state_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jpsync.state.json")
	store := state.NewFile(path, state.OS{})
	run, err := state.Begin(t.Context(), store, state.Options{Holder: state.Self("apply", time.Now())})
	require.NoError(t, err)
	require.NoError(t, run.Bind("https://admin.jpush.cn/v1/", "key"))
	ack, err := run.Intend("shop", state.Intent{Op: state.OpCreate, AppName: "商城"})
	require.NoError(t, err)
	require.NoError(t, ack.Wait())
	ack, err = run.Record(state.Result{Op: state.OpCreate, ID: "shop", App: &state.App{AppName: "商城", AppKey: "k", CreatedAt: time.Now()}})
	require.NoError(t, err)
	require.NoError(t, ack.Wait())
	v, err := state.View(t.Context(), store, state.Options{})
	require.NoError(t, err)
	require.Equal(t, "k", v.Apps["shop"].AppKey)
	require.NoError(t, run.Finish(t.Context()))
	v, err = state.View(t.Context(), store, state.Options{})
	require.NoError(t, err)
	require.Equal(t, run.State(), v)
	require.EqualValues(t, 1, v.Serial)
}
