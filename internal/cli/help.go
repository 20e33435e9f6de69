package cli

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"jpsync/internal/report"
	"jpsync/manifest"
)

// pages are the texts of --help, one for each command, and those of the topics. Their lines
// have at most 80 columns.
//
//go:embed help
var pages embed.FS

// topics are the pages of help that belong to no command.
var topics = []struct{ name, help string }{
	{"manifest", "The manifest's format."},
	{"state", "What the state holds, and how to care for it."},
	{"outputs", "The formats of jpsync output, in use."},
	{"exit-codes", "What the exit codes mean."},
}

type helpCmd struct {
	Topic []string `arg:"" optional:"" complete:"topic" help:"A command, or one of manifest, state, outputs and exit-codes."`
}

// addDetails gives a command and its subcommands the texts of their --help.
func addDetails(node *kong.Node) error {
	text, err := pages.ReadFile("help/" + strings.ReplaceAll(node.FullPath(), " ", "-") + ".txt")
	if err != nil {
		return err
	}
	node.Detail = string(text)
	for _, child := range node.Children {
		if err := addDetails(child); err != nil {
			return err
		}
	}
	return nil
}

// Run prints a topic. Help on a command does not get here: see helpArgs.
func (c *helpCmd) Run(t *terminal) error {
	name := strings.Join(c.Topic, " ")
	text, err := Topic(name)
	if err != nil {
		var names []string
		for _, topic := range topics {
			names = append(names, topic.name)
		}
		return fmt.Errorf("no help on %q%s: the topics are %s, and jpsync --help lists the commands", name, nearest(" (did you mean %q?)", name, names), strings.Join(names, ", "))
	}
	_, err = io.WriteString(t.Out, text)
	return err
}

// helpArgs turns "help COMMAND" into "COMMAND --help", and help alone into --help. Topics,
// and names that are neither command nor topic, are left to helpCmd.
func helpArgs(model *kong.Application, args []string) []string {
	if args[0] != "help" {
		return args
	}
	rest := args[1:]
	if len(rest) == 0 {
		return []string{"--help"}
	}
	isCommand := slices.ContainsFunc(model.Children, func(n *kong.Node) bool { return n.Name == rest[0] })
	if _, err := Topic(strings.Join(rest, " ")); err == nil || !isCommand {
		return args
	}
	return append(slices.Clone(rest), "--help")
}

type schemaCmd struct{}

// Run prints the schema.
func (schemaCmd) Run(t *terminal) error {
	_, err := t.Out.Write(manifest.Schema())
	return err
}

type versionCmd struct {
	Format string `enum:"text,json" default:"text" help:"text or json."`
}

// Run prints what this build is: one line, or one JSON object.
func (c versionCmd) Run(t *terminal) error {
	b := thisBuild()
	if c.Format == "json" {
		return report.JSON(t.Out, b)
	}
	_, err := fmt.Fprintf(t.Out, "jpsync %s (%s %s/%s)\n", b.Version, b.GoVersion, b.OS, b.Arch)
	return err
}

// buildInfo says what a program was built from, and for which platform.
type buildInfo struct {
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty"` // unknown without git at build time
	GoVersion string `json:"go_version"`
	OS        string `json:"os"`
	Arch      string `json:"arch"`
}

// Version is set by the release build: -ldflags "-X jpsync/internal/cli.Version=1.2.3".
var Version string

func version() string { return thisBuild().Version }

func thisBuild() buildInfo {
	b := buildInfo{Version: Version, GoVersion: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if b.Version == "" && info.Main.Version != "(devel)" {
			b.Version = info.Main.Version
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.Commit = setting.Value
			}
		}
	}
	b.Version = cmp.Or(b.Version, "dev")
	return b
}

// Model returns the model of the command line, with the texts of --help, for programs that
// document it.
func Model() (*kong.Application, error) {
	parser, err := newParser(&root{}, Host{})
	if err != nil {
		return nil, err
	}
	return parser.Model, nil
}

// Topic returns the text of a topic of the help.
func Topic(name string) (string, error) {
	text, err := pages.ReadFile("help/topics/" + name + ".txt")
	return string(text), err
}
