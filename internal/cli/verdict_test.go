package cli

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
	"jpsync/planner"
	"jpsync/state"
	"jpsync/state/shared"
)

// closed is a place that takes no entry that gives the lock back.
type closed struct{ *shared.Memory }

func (c closed) Create(ctx context.Context, name string, body []byte) error {
	if bytes.Contains(body, []byte(`"type":"close"`)) {
		return errors.New("503 slow down")
	}
	return c.Memory.Create(ctx, name, body)
}

// A lock that cannot be given back ends by itself, and changes nothing about how the run went.
func TestALockThatIsNotGivenBackIsAWarning(t *testing.T) {
	ctx := context.Background()
	bucket, err := shared.New(closed{shared.NewMemory()}, time.Minute)
	require.NoError(t, err)
	run, err := state.Begin(ctx, bucket, state.Options{})
	require.NoError(t, err)
	require.NoError(t, run.Bind("https://admin.jpush.cn/v1/", "account"))
	require.NoError(t, run.Append(state.Record{ID: "shop", Result: &state.Result{Op: state.OpCreate, App: &state.App{AppKey: "key"}}})())
	var messages bytes.Buffer
	a := &applying{t: &terminal{Host: Host{Err: &messages}}, w: &workspace{run: run}}
	require.NoError(t, a.save(ctx))
	require.Contains(t, messages.String(), "warning: the state is saved, but")
	require.Contains(t, messages.String(), "503 slow down")
}

// The keys of a run that could be saved nowhere are printed as commands for its state.
func TestKeysAreForTheStateOfTheRun(t *testing.T) {
	var messages bytes.Buffer
	a := &applying{t: &terminal{Host: Host{Err: &messages}}, w: &workspace{g: &globals{Manifest: "jpsync.yaml", State: "other.json"}}}
	a.result = &executor.Result{Steps: []executor.Step{{Change: planner.Change{Action: planner.Create, App: "shop", AppKey: "k1"}}}}
	a.printKeys()
	require.Equal(t, "jpsync import shop k1 --state other.json\n", messages.String())
}

// A run that stopped says why also when its state cannot be saved.
func TestWhyARunStoppedAndWasNotSaved(t *testing.T) {
	a := &applying{applyCmd: &applyCmd{}, result: &executor.Result{Stopped: &executor.Stop{Reason: executor.StopInterrupted, Err: errors.New("interrupted")}}}
	err := a.sumUp(&state.SaveError{Location: "jpsync.state.json", Err: errors.New("no space left on device")})
	require.Equal(t, ExitError, exitCode(err), "what was answered is not recorded")
	require.ErrorContains(t, err, "stopped: interrupted")
	require.ErrorContains(t, err, "no space left on device")
}
