//go:build !unix

package manifest

import "testing"

// makeFIFO skips the tests that need one.
func makeFIFO(t *testing.T, _ string) {
	t.Helper()
	t.Skip("this system has no FIFOs")
}
