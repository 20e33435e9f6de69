package cli

import "jpsync/manifest"

// secretFiles reads what a manifest refers to, and has the CI runner blank each secret out
// of its log the moment it is known.
type secretFiles struct {
	*manifest.Files
	actions *actions
}

// Secret is [manifest.Files.Secret].
func (f secretFiles) Secret(s manifest.Secret) (string, error) {
	value, err := f.Files.Secret(s)
	f.actions.mask(value)
	return value, err
}

// devKey is a name and no secret: every plan shows it.
func (f secretFiles) devKey(m *manifest.Manifest) (string, error) {
	return f.Files.Secret(m.Account.DevKey)
}
