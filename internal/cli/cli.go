// Package cli is jpsync's command line: one file for each command, and the only package
// that prints. A command is a struct that kong fills from the arguments and the
// environment, with a Run method that does the work and returns an error. Kong passes to Run
// what it asks for: the context, the terminal, the flags of every command, the store with the
// state. A command that works on the manifest opens the store itself, see workspace.go.
// planning.go makes the plans of several commands, exit.go maps errors to exit codes, and
// terminal.go says what is printed where.
//
// The way of a new app through all packages, from its text to the journal. What these files call
// besides is told by its name, or is about what goes wrong; the comment of each package goes on from
// here:
//
//	internal/cli/apply.go     lockAndApply  the manifest is loaded, the state is locked, and apply does the rest in order
//	manifest/load.go          yamlFile      a file's text becomes nodes, and its top level is read
//	manifest/app.go           app           an entry of the list becomes an App
//	planner/build.go          newApp        an App that the state does not have becomes a Change
//	executor/run.go           phase         workers take the apps one by one
//	executor/task.go          perform       the intent is durable before the request is sent
//	executor/steps.go         create        the request is sent, and succeed appends what its answer means
//	internal/jpush/client.go  CreateApp     the request is built, do sends it, and created checks the answer
//	state/commit.go           Append        a record, first the intent and then the result, is queued and shares a commit
//	state/journal.go          Append        the lines of a commit are written and synced
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
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
	Apply      applyCmd      `cmd:"" help:"Make the changes: create apps, upload certificates, delete apps that left the manifest."`
	Show       showCmd       `cmd:"" help:"Show the state, or a saved plan."`
	Output     outputCmd     `cmd:"" help:"Print app keys for the release."`
	Certs      certsCmd      `cmd:"" help:"List certificates with their expiry, inspect a file, make test certificates."`
	Verify     verifyCmd     `cmd:"" help:"Ask JPush whether the key pairs of recorded apps are still good."`
	Import     importCmd     `cmd:"" help:"Record an existing app in the state; nothing is sent."`
	State      stateCmd      `cmd:"" help:"Inspect the state and correct it by hand."`
	Doctor     doctorCmd     `cmd:"" help:"Check manifest, state, endpoint and credentials, with a remedy for each finding."`
	SandboxCmd sandboxCmd    `cmd:"" name:"sandbox" help:"Serve a simulator of the Admin API on loopback."`
	Schema     schemaCmd     `cmd:"" help:"Print the manifest's JSON Schema, for editors."`
	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
	Help       helpCmd       `cmd:"" help:"Show help on a command, or on the topics manifest, state, outputs and exit-codes."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// globals are the flags of every command.
type globals struct {
	Manifest    string        `short:"m" default:"jpsync.yaml" placeholder:"PATH" help:"The manifest: a file, or a directory of files (${default})."`
	State       string        `placeholder:"LOCATION" complete:"file" help:"The state: a file, s3://BUCKET/PREFIX or postgres://USER@HOST/DB (jpsync.state.json beside the manifest)."`
	Lease       time.Duration `default:"120s" placeholder:"DURATION" help:"How long the lock of a shared state outlives a run that died (${default}); at least 5s."`
	CertRoot    string        `placeholder:"DIR" help:"The directory that certificates and secret files must be in (the manifest's)."`
	Endpoint    string        `env:"JPSYNC_ENDPOINT" placeholder:"URL" help:"The Admin API (https://admin.jpush.cn/v1/)."`
	Sandbox     bool          `help:"Use an embedded simulator instead of JPush, with its own account and state in .jpsync/sandbox/."`
	Color       string        `enum:"auto,always,never" default:"auto" help:"Colour: auto, always or never."`
	Quiet       bool          `short:"q" help:"Print the result and nothing else."`
	Verbose     bool          `short:"v" help:"Print more details."`
	LockTimeout time.Duration `default:"0s" placeholder:"DURATION" help:"How long to wait for a locked state (${default})."`
}

// sameFlags returns the flags with which another command works on the same manifest, state and
// endpoint, as text for a shell. Flags that the environment already sets are left out.
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
		if f.name == "--state" && (f.value == "" || checkLocation(f.value) != nil) {
			continue // it may hold a password
		}
		if f.value != cmp.Or(os.Getenv(f.variable), f.usual) {
			flags += " " + f.name + " " + planner.Quote(f.value)
		}
	}
	return flags
}

// errHelp ends the parsing of a command line once its help is printed.
var errHelp = errors.New("help is printed")

// newParser returns kong's parser of the command line, which fills cmd.
func newParser(cmd *root, host Host) (*kong.Kong, error) {
	parser, err := kong.New(cmd,
		kong.Name("jpsync"),
		kong.Description("Keep a JPush account in step with a YAML manifest: apps and their APNs push certificates."),
		kong.DefaultEnvars("JPSYNC"),
		kong.Vars{"codes": strings.Join(planner.AllowableCodes, ",")},
		kong.Writers(host.Out, host.Err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Help(func(options kong.HelpOptions, kctx *kong.Context) error {
			if err := kong.DefaultHelpPrinter(options, kctx); err != nil {
				return err
			}
			return errHelp
		}),
	)
	if err != nil {
		return nil, err
	}
	return parser, addDetails(parser.Model.Node)
}

// Main runs one command and returns the exit code. When ctx is cancelled, an apply starts
// nothing new; it waits for the requests that are in flight and records their answers.
func Main(ctx context.Context, args []string, host Host) (code int) {
	log.SetOutput(io.Discard) // net/http writes there what a server sends unasked, with the secrets in it
	dropEmpty()
	t := newTerminal(host, "auto", false, false)
	defer func() {
		// The value of a panic may quote a secret: only its type and the stack are printed. Of a
		// string, a stack has the address and the length.
		if r := recover(); r != nil {
			fmt.Fprintf(host.Err, "jpsync: internal error (%T), please report it; every answer received so far is in the state or its journal\n%s", r, debug.Stack())
			code = ExitError
		}
	}()
	var cmd root
	parser, err := newParser(&cmd, host)
	if err != nil {
		t.fail(err)
		return ExitError
	}
	if len(args) > 0 && args[0] == completeCommand {
		complete(ctx, parser, &cmd, args[1:], host)
		return ExitDone
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(helpArgs(parser.Model, args))
	switch {
	case errors.Is(err, errHelp):
		return ExitDone
	case readerLeft(err):
		return ExitError
	case err != nil:
		t.fail(err)
		fmt.Fprintln(host.Err, "jpsync: see "+usageHint(err))
		return ExitError
	}
	cmd.forSandbox(kctx)
	t = newTerminal(host, cmd.Color, cmd.Quiet, cmd.Verbose)
	kctx.BindTo(ctx, (*context.Context)(nil))
	var store *stateStore // of a command that asks for one
	defer func() { store.end() }()
	err = kctx.BindSingletonProvider(func() (_ *stateStore, err error) {
		store, err = openStore(t, &cmd.globals)
		return store, err
	})
	if err == nil {
		err = cmp.Or(kctx.Run(t, &cmd.globals), t.unprinted)
	}
	if err != nil {
		t.fail(err)
	}
	return exitCode(err)
}

// forSandbox drops a state that only the environment names: JPSYNC_STATE is the account's, and
// with --sandbox the account is another one.
func (g *globals) forSandbox(kctx *kong.Context) {
	typed := slices.ContainsFunc(kctx.Path, func(p *kong.Path) bool {
		return p.Flag != nil && p.Flag.Name == "state" && !p.Resolved
	})
	if g.Sandbox && !typed {
		g.State = ""
	}
}

// dropEmpty unsets every JPSYNC_ variable that is empty. A pipeline sets them so when an
// input is left blank, and an empty --target would select no app at all.
func dropEmpty() {
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value == "" && strings.HasPrefix(name, "JPSYNC_") {
			os.Unsetenv(name)
		}
	}
}

// usageHint returns the command that prints the help on what could not be parsed.
func usageHint(err error) string {
	if e, ok := errors.AsType[*kong.ParseError](err); ok && e.Context.Selected() != nil {
		return "jpsync " + e.Context.Selected().Path() + " --help"
	}
	return "jpsync --help"
}
