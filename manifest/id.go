package manifest

import "errors"

// CheckID says why a text cannot be an app's id, or nil. An id is 1 to 128 printable
// characters without a space at either end.
func CheckID(id string) error {
	if wrong := checkText(id, maxIDRunes); wrong != "" {
		return errors.New(wrong)
	}
	return nil
}
