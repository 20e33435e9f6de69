package state_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

func TestDamageNamesAWayThatWorks(t *testing.T) {
	object := (&state.DamagedError{Document: state.DocObject, Reason: "cut off"}).Error()
	require.NotContains(t, object, "repair", "which is for a state in a file")
	require.Contains(t, object, "jpsync state push FILE --force")
	require.Contains(t, (&state.DamagedError{Document: "state", Reason: "cut off"}).Error(), "jpsync state repair")
}
