//go:build !windows

package cli

// takesEscapes reports whether a terminal shows colours.
func takesEscapes(int) bool { return true }
