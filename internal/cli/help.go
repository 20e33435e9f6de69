package cli

import (
	assets "embed"
	"fmt"
	"slices"
	"strings"

	"jpsync/manifest"
)

//go:embed topics
var pages assets.FS

// topicPages are the pages of help that are about no command, 80 columns wide at most.
var topicPages = []struct{ name, help string }{
	{"manifest", "The manifest's format."},
	{"state", "What the state holds, and how to care for it."},
	{"outputs", "The formats of jpsync output, in use."},
	{"exit-codes", "What the exit codes mean."},
}

type helpCmd struct {
	Topic []string `arg:"" optional:"" help:"A command, or one of manifest, state, outputs and exit-codes."`
}

func (helpCmd) Help() string {
	return `Shows what a command does, as --help does, or a page about a topic: manifest, state, outputs or
exit-codes.

Examples:
  jpsync help apply
  jpsync help manifest

Exit codes: 0 done, 1 there is no such command or topic.`
}

// Run prints a page. Help of a command never comes here: see helpArgs.
func (c *helpCmd) Run(t *terminal) error {
	name := strings.Join(c.Topic, " ")
	if !isTopic(name) {
		var names []string
		for _, page := range topicPages {
			names = append(names, page.name)
		}
		hint := ""
		if near := manifest.Suggest(name, names); near != "" {
			hint = fmt.Sprintf(", did you mean %q?", near)
		}
		return fmt.Errorf("there is no help on %q%s; the topics are %s, and jpsync --help has the commands", name, hint, strings.Join(names, ", "))
	}
	data, err := pages.ReadFile("topics/" + name + ".txt")
	if err != nil {
		return err
	}
	_, err = t.Out.Write(data)
	return err
}

func isTopic(name string) bool {
	return slices.ContainsFunc(topicPages, func(page struct{ name, help string }) bool { return page.name == name })
}

// helpArgs makes "help COMMAND" what "COMMAND --help" is, and help alone what --help is. A
// topic stays for helpCmd, and so does what is neither command nor topic.
func helpArgs(args []string, isCommand func(string) bool) []string {
	if len(args) == 0 || args[0] != "help" {
		return args
	}
	rest := args[1:]
	switch {
	case len(rest) == 0:
		return []string{"--help"}
	case len(rest) == 1 && isTopic(rest[0]) || !isCommand(rest[0]):
		return args
	}
	return append(slices.Clone(rest), "--help")
}
