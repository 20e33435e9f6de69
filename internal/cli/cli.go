// Package cli is jpsync's command line: one file for each command, and the only package
// that prints. A command is a struct that kong fills from the arguments and the
// environment, with a Run method that does the work and returns an error; exit.go says
// which exit code an error comes to, terminal.go what is printed where.
package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"jpsync/planner"
)

// root is the whole command line.
type root struct {
	globals `group:"Flags of every command:"`

	Init       initCmd       `cmd:"" help:"Write a commented manifest, and keep the state out of git."`
	Validate   validateCmd   `cmd:"" help:"Check the manifest and its certificates, offline."`
	Plan       planCmd       `cmd:"" help:"Show what an apply would change."`
	Apply      applyCmd      `cmd:"" help:"Make the changes: create apps, upload certificates, delete what left the manifest."`
	Show       showCmd       `cmd:"" help:"Show the state, or a saved plan."`
	Output     outputCmd     `cmd:"" help:"Print app keys for the release."`
	Certs      certsCmd      `cmd:"" help:"List certificates with their expiry, look into one, make some for rehearsals."`
	Import     importCmd     `cmd:"" help:"Take an existing app into the state; nothing is sent."`
	State      stateCmd      `cmd:"" help:"Look at the state and correct it by hand."`
	Doctor     doctorCmd     `cmd:"" help:"Check manifest, state, endpoint and credentials, with a remedy for each trouble."`
	SandboxCmd sandboxCmd    `cmd:"" name:"sandbox" help:"Serve a simulator of the Admin API on loopback."`
	Schema     schemaCmd     `cmd:"" help:"Print the manifest's JSON Schema, for editors."`
	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
	Help       helpCmd       `cmd:"" help:"Show help on a command, or on manifest, state, outputs or exit-codes."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// globals are the flags of every command.
type globals struct {
	Manifest    string        `short:"m" default:"jpsync.yaml" placeholder:"PATH" help:"The manifest: a file, or a directory of them (${default})."`
	State       string        `placeholder:"FILE" help:"The state file (jpsync.state.json beside the manifest)."`
	CertRoot    string        `placeholder:"DIR" help:"Where certificates and secret files have to be (the manifest's directory)."`
	Endpoint    string        `env:"JPSYNC_ENDPOINT" placeholder:"URL" help:"The Admin API (https://admin.jpush.cn/v1/)."`
	Sandbox     bool          `help:"Use an embedded simulator instead of JPush, with an account and a state of its own below .jpsync/sandbox/."`
	Color       string        `enum:"auto,always,never" default:"auto" help:"Colour: auto, always or never."`
	Quiet       bool          `short:"q" help:"Print the result and nothing beside it."`
	Verbose     bool          `short:"v" help:"Print more of what is done."`
	LockTimeout time.Duration `default:"0s" placeholder:"DURATION" help:"How long to wait for a locked state (${default})."`
}

// sameFlags are the flags by which another command works on the same things: those that the
// environment does not give it anyway.
func (g *globals) sameFlags() string {
	flags := ""
	if g.Sandbox && os.Getenv("JPSYNC_SANDBOX") == "" {
		flags += " --sandbox"
	}
	for _, f := range []struct{ name, value, usual, variable string }{
		{"-m", g.Manifest, "jpsync.yaml", "JPSYNC_MANIFEST"},
		{"--state", g.State, "", "JPSYNC_STATE"},
		{"--cert-root", g.CertRoot, "", "JPSYNC_CERT_ROOT"},
		{"--endpoint", g.Endpoint, "", "JPSYNC_ENDPOINT"},
	} {
		if given := os.Getenv(f.variable); given != "" {
			f.usual = given
		}
		if f.value != f.usual {
			flags += " " + f.name + " " + planner.Quote(f.value)
		}
	}
	return flags
}

const description = `Keep a JPush account in step with a YAML manifest: apps and their APNs push certificates.

Exit codes: 0 done, 1 error, 2 changes pending (plan --detailed-exitcode), 3 applied in part,
4 credentials refused, 5 refused by a guard, a conflict or a stale plan, 6 state locked,
130 interrupted. Every flag has an environment variable JPSYNC_…; JPSYNC_LANG, or the locale, says
whether JPush's errors are explained in English (en) or Chinese (zh).

Examples:
  jpsync init && jpsync plan --sandbox
  jpsync apply
  jpsync help manifest`

// Main runs one command and returns the exit code. Cancelling ctx lets an apply end in good
// order: what was sent is waited for and recorded.
func Main(ctx context.Context, args []string, host Host) (code int) {
	dropEmpty()
	t := newTerminal(host, "auto", false, false)
	defer func() {
		// A panic's value may quote what was being worked on, secrets included: only the
		// place is told.
		if r := recover(); r != nil {
			fmt.Fprintf(host.Err, "jpsync: a defect of jpsync stopped it (%T); what was answered until then is in the state or its journal\n%s", r, frames())
			code = ExitError
		}
	}()
	var cmd root
	var left exitNow
	parser, err := kong.New(&cmd,
		kong.Name("jpsync"),
		kong.Description(description),
		kong.DefaultEnvars("JPSYNC"),
		kong.Writers(host.Out, host.Err),
		kong.Exit(func(code int) { panic(exitNow{true, code}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		t.fail(err)
		return ExitError
	}
	if len(args) > 0 && args[0] == completeCommand {
		complete(ctx, parser.Model, args[1:], host)
		return ExitDone
	}
	args = helpArgs(args, func(name string) bool {
		return slices.ContainsFunc(parser.Model.Children, func(n *kong.Node) bool { return n.Name == name })
	})
	kctx, err := parse(parser, args, &left)
	if left.done {
		return left.code
	}
	if err != nil {
		t.fail(err)
		if !readerLeft(err) {
			fmt.Fprintln(host.Err, "jpsync: see "+usageHint(kctx))
		}
		return ExitError
	}
	t = newTerminal(host, cmd.Color, cmd.Quiet, cmd.Verbose)
	kctx.BindTo(ctx, (*context.Context)(nil))
	err = kctx.Run(t, &cmd.globals)
	if err != nil {
		t.fail(err)
	}
	return exitCode(err)
}

// dropEmpty takes a JPSYNC_ variable that is set to nothing for one that is not set, as a
// pipeline has it whose input was left blank: an empty --target would select no app at all.
func dropEmpty() {
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value == "" && strings.HasPrefix(name, "JPSYNC_") {
			os.Unsetenv(name)
		}
	}
}

// exitNow carries kong's wish to exit, after --help, out of the parser.
type exitNow struct {
	done bool
	code int
}

func parse(parser *kong.Kong, args []string, left *exitNow) (kctx *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(exitNow)
			if !ok {
				panic(r)
			}
			*left = e
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err = parser.Parse(args)
	if err != nil {
		if e, ok := err.(*kong.ParseError); ok { //nolint:errorlint // kong returns it bare
			kctx = e.Context
		}
	}
	return kctx, err
}

func usageHint(kctx *kong.Context) string {
	if kctx != nil && kctx.Selected() != nil {
		return "jpsync " + kctx.Selected().Path() + " --help"
	}
	return "jpsync --help"
}

// frames is the stack without arguments, which could be anything.
func frames() string {
	var b strings.Builder
	for _, line := range strings.Split(string(debug.Stack()), "\n") {
		if i := strings.LastIndexByte(line, '('); i > 0 && !strings.HasPrefix(line, "\t") {
			line = line[:i]
		}
		if strings.HasPrefix(line, "panic") {
			continue
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
