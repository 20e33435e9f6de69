package cli

import (
	assets "embed"
	"io/fs"
)

// scripts are the four shells' completion scripts. They know nothing of jpsync but its name
// and ask it for everything else, so that they stay right when it changes.
//
//go:embed completion
var scripts assets.FS

// shells are what completion takes.
var shells = []string{"bash", "zsh", "fish", "powershell"}

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

func (completionCmd) Help() string {
	return `Prints a script that makes the shell complete commands, flags, their values, and the ids of
manifest and state, with -m, --state and --sandbox taken into account.

Examples:
  source <(jpsync completion bash)               # for ever: into ~/.bashrc
  jpsync completion zsh > "${fpath[1]}/_jpsync"  # then a new shell
  jpsync completion fish > ~/.config/fish/completions/jpsync.fish
  jpsync completion powershell | Out-String | Invoke-Expression

Exit codes: 0 done, 1 error.`
}

// Run prints the script.
func (c *completionCmd) Run(t *terminal) error {
	data, err := fs.ReadFile(scripts, "completion/jpsync."+c.Shell)
	if err != nil {
		return err
	}
	_, err = t.Out.Write(data)
	return err
}
