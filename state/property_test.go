package state_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jpsync/internal/jpush"
	"jpsync/state"
	"jpsync/state/statetest"
)

func drawApp(t *rapid.T) state.App {
	a := state.App{
		AppName:        rapid.String().Draw(t, "app_name"),
		AndroidPackage: rapid.String().Draw(t, "android_package"),
		GroupName:      rapid.String().Draw(t, "group_name"),
		AppKey:         rapid.StringN(1, 24, 24).Draw(t, "app_key"),
		MasterSecret:   rapid.String().Draw(t, "master_secret"),
		Adopted:        rapid.Bool().Draw(t, "adopted"),
		Protected:      rapid.Bool().Draw(t, "protected"),
	}
	for _, env := range jpush.Environments {
		if rapid.Bool().Draw(t, "has "+string(env)) {
			a.Certificates.Set(env, state.Certificate{Fingerprint: rapid.String().Draw(t, "fingerprint"), NotAfter: someTime})
		}
	}
	return a
}

func TestAnyStateSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := state.New()
		s.Serial = rapid.Int64Min(0).Draw(t, "serial")
		s.Account = rapid.String().Draw(t, "account")
		for range rapid.IntRange(0, 4).Draw(t, "apps") {
			s.Apps[rapid.String().Draw(t, "id")] = drawApp(t)
		}
		doc, err := state.Marshal(s)
		require.NoError(t, err)
		got, err := state.Unmarshal(doc)
		require.NoError(t, err)
		require.Equal(t, s, got)
	})
}

// world is the property's model: what a state has to be after any sequence of runs, of
// which some are killed, some end, and some lose power with everything that was synced.
type world struct {
	mem  *statetest.Memory
	run  *state.Run
	want *state.State
}

func (w *world) begin(t *rapid.T) {
	run, err := state.Begin(context.Background(), state.NewFile(statePath, w.mem), state.Options{FS: w.mem})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	w.run = run
	w.same(t, run.State())
}

func (w *world) same(t *rapid.T, got *state.State) {
	require.Equal(t, w.want.Apps, got.Apps)
	require.Equal(t, w.want.Pending, got.Pending)
}

func TestAnySequenceOfRunsKeepsEveryRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{mem: &statetest.Memory{}, want: state.New()}
		w.begin(t)
		id := rapid.Map(rapid.IntRange(0, 5), func(n int) string { return fmt.Sprint("app", n) })
		wait := func(wait func() error) { require.NoError(t, wait()) }
		defer func() { _ = w.run.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"intend": func(t *rapid.T) {
				p := creation(id.Draw(t, "id"))
				if rapid.Bool().Draw(t, "delete") {
					p = deletion(p.ID)
				}
				wait(w.run.Append(p))
				w.want.Pending[p.ID] = *p.Intent
			},
			"record": func(t *rapid.T) {
				a, id := drawApp(t), id.Draw(t, "id")
				op := rapid.SampledFrom([]state.Op{state.OpCreate, state.OpUpload, state.OpRecord}).Draw(t, "op")
				wait(w.run.Append(result(id, state.Result{Op: op, App: &a})))
				w.want.Apps[id] = a
				delete(w.want.Pending, id)
			},
			"delete": func(t *rapid.T) {
				id := id.Draw(t, "id")
				wait(w.run.Append(result(id, state.Result{Op: state.OpDelete})))
				delete(w.want.Apps, id)
				delete(w.want.Pending, id)
			},
			"fail": func(t *rapid.T) {
				id := id.Draw(t, "id")
				wait(w.run.Append(result(id, state.Result{Op: state.OpCreate, Failed: true})))
				delete(w.want.Pending, id)
			},
			"finish": func(t *rapid.T) {
				require.NoError(t, w.run.Finish(context.Background()))
				w.begin(t)
			},
			"close": func(t *rapid.T) {
				require.NoError(t, w.run.Close())
				w.begin(t)
			},
			"power loss": func(t *rapid.T) {
				losses := w.mem.Losses()
				left := w.mem.Lose(losses[rapid.IntRange(0, len(losses)-1).Draw(t, "loss")])
				require.NoError(t, w.run.Close())
				w.mem = left
				w.begin(t)
			},
			"": func(t *rapid.T) {
				w.same(t, w.run.State())
				loaded, err := view(w.mem)
				require.NoError(t, err)
				w.same(t, loaded)
			},
		})
	})
}
