package state

// SetNewID makes the IDs of a store's journals repeat.
func SetNewID(f *File, newID func() string) { f.newID = newID }

// DiffLines is diffLines.
var DiffLines = diffLines
