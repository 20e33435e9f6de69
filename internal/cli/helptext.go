package cli

// Here are the long texts of commands that have no file to themselves.

func (certsCmd) Help() string {
	return `Without a command this is jpsync certs list.

Examples:
  jpsync certs --expiring-within 30d
  jpsync certs inspect certs/shop.p12

Exit codes: 0 done, 1 error, 2 some expire within --expiring-within.`
}

func (stateCmd) Help() string {
	return `The state is the only record of the app keys, since the API cannot be asked for them. Each of these
takes its lock and keeps the state before in a .backup beside it. See also jpsync help state.

Examples:
  jpsync state list
  jpsync state mv old-id new-id

Exit codes: 0 done, 1 error, 6 state locked.`
}

func (stateListCmd) Help() string {
	return `One id on each line, in order, for scripts. Nothing is sent and no lock is taken.

Example:
  jpsync state list | grep '^retail-'

Exit codes: 0 done, 1 error.`
}

func (stateShowCmd) Help() string {
	return `Everything but the master secret: jpsync output --show-secrets has that.

Example:
  jpsync state show shop

Exit codes: 0 done, 1 error, also when the id is not recorded.`
}

func (stateMvCmd) Help() string {
	return `For an app whose id in the manifest has changed: without this the old id would be deleted and the
new one created. Nothing is sent.

Example:
  jpsync state mv shop retail-shop

Exit codes: 0 moved, 1 error, 6 state locked.`
}

func (versionCmd) Help() string {
	return `One line: name, version, Go version and platform.

Example:
  jpsync version

Exit codes: 0 done.`
}
