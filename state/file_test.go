package state_test

import (
	"path/filepath"
	"testing"

	"jpsync/state"
	"jpsync/state/statetest"
)

func TestFileOnDisk(t *testing.T) {
	statetest.TestStore(t, func(t *testing.T) func() state.Store {
		path := filepath.Join(t.TempDir(), "jpsync.state.json")
		return func() state.Store { return state.NewFile(path, state.OS{}) }
	})
}

func TestFileInMemory(t *testing.T) {
	statetest.TestStore(t, func(t *testing.T) func() state.Store {
		mem := &statetest.Memory{}
		return func() state.Store { return state.NewFile("/d/jpsync.state.json", mem) }
	})
}
