package state

import "filippo.io/age"

// SetNewID makes the IDs of a store's journals repeat.
func SetNewID(f *File, newID func() string) { f.newID = newID }

// DiffLines is diffLines.
var DiffLines = diffLines

// RecipientsOf are recipients that [ParseRecipients] has not proved.
func RecipientsOf(keys ...age.Recipient) Recipients { return Recipients{keys} }
