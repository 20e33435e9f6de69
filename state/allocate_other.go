//go:build !linux

package state

// allocate is not at hand here: the room is filled with zeros.
func allocate(Handle, int64) (done bool, err error) { return false, nil }
