package shared_test

import (
	"testing"

	"jpsync/state/shared"
	"jpsync/state/statetest"
)

// The tests of leases and of what an apply costs are beside these, in package statetest.
func open(*testing.T) shared.Place { return shared.NewMemory() }

func TestPlace(t *testing.T)  { statetest.TestPlace(t, open) }
func TestShared(t *testing.T) { statetest.TestShared(t, open) }
