package shared_test

import (
	"testing"

	"jpsync/state/shared"
	"jpsync/state/statetest"
)

func open(*testing.T) shared.Place { return shared.NewMemory() }

func TestPlace(t *testing.T)  { statetest.TestPlace(t, open) }
func TestShared(t *testing.T) { statetest.TestShared(t, open) }
func TestLease(t *testing.T)  { statetest.TestLease(t) }
