package cli

import (
	"jpsync/manifest"
	"jpsync/planner"
)

// interruptible reads no more certificates once somebody has interrupted: with thousands of
// them that is most of what planning takes.
type interruptible struct {
	planner.Inspector
	interrupted func() error
}

// Inspect implements [planner.Inspector].
func (i interruptible) Inspect(c manifest.Certificate, known string) (planner.Inspection, error) {
	if err := i.interrupted(); err != nil {
		return planner.Inspection{}, err
	}
	return i.Inspector.Inspect(c, known)
}

// Read implements [planner.Inspector].
func (i interruptible) Read(c manifest.Certificate) (planner.Inspection, error) {
	if err := i.interrupted(); err != nil {
		return planner.Inspection{}, err
	}
	return i.Inspector.Read(c)
}
