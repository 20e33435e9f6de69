package cli_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"jpsync/internal/cli"
)

// TestMain makes the test binary answer to the name jpsync as well, so that every run in a
// story is a process of its own, with real files, streams and an exit code.
func TestMain(m *testing.M) {
	testscript.Main(withoutSettings{m}, map[string]func(){
		"jpsync": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Host{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	})
}

// withoutSettings runs the tests as if nobody had set up jpsync, and no pipeline, in this environment.
type withoutSettings struct{ *testing.M }

func (m withoutSettings) Run() int {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if ours.MatchString(name) && name != "JPSYNC_TEST_STORES" {
			os.Unsetenv(name)
		}
	}
	return m.M.Run()
}

var ours = regexp.MustCompile("^(JPSYNC_.*|JPUSH_.*|GITHUB_.*|CI|NO_COLOR)$")

// TestStories runs one script for each user story. What a script can say beyond testscript's
// own commands is in commands. At the end of each one, everything that was printed and every
// file that is left is searched for secrets.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               begin,
		Cmds:                commands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// commands are what the scripts have beyond testscript's own.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"exits":     cmdExits,     // exits CODE jpsync ARG…: run it, and this is its exit code
	"server":    cmdServer,    // server [OPTION…] [FAULT…]: start an account, from nothing
	"faults":    cmdFaults,    // faults [FAULT…]: misbehave like this from now on
	"preload":   cmdPreload,   // preload NAME PACKAGE: an app that the account has already
	"gone":      cmdGone,      // gone APP_KEY: the app is deleted in the console
	"mark":      cmdMark,      // count requests from here
	"ledger":    cmdLedger,    // ledger CLAIM…: what the server has and was asked
	"hold":      cmdHold,      // let requests arrive and wait
	"held":      cmdHeld,      // held N: wait until N of them do
	"release":   cmdRelease,   // let them go on
	"start":     cmdStart,     // start NAME [nohup] jpsync ARG…: run the program side by side with the story
	"signal":    cmdSignal,    // signal INT|TERM|KILL NAME
	"says":      cmdSays,      // says NAME TEXT: wait until it has that on standard error
	"listening": cmdListening, // listening NAME: wait for a started sandbox, and use it
	"finished":  cmdFinished,  // finished NAME CODE: wait for it
	"mint":      cmdMint,      // mint FILE BUNDLE [OPTION=VALUE…]: a push certificate
	"copies":    cmdCopies,    // copies FILE N DIR: for the apps of a manifest of N
	"keyless":   cmdKeyless,   // keyless FILE PASSWORD: the same certificate without its key
	"reexport":  cmdReexport,  // reexport FILE OLD NEW: the same certificate under another password
	"manifest":  cmdManifest,  // manifest N [FILE]: N apps
	"edit":      cmdEdit,      // edit FILE OLD NEW: replace text that must be there
	"appkey":    cmdAppKey,    // appkey VARIABLE ID: from the state into the environment
	"lines":     cmdLines,     // the last stdout is JSON lines, from version to summary
	"summary":   cmdSummary,   // summary FIELD=VALUE…: of the last stdout's last line
	"planned":   cmdPlanned,   // planned FIELD=VALUE…: of the summary of plan --format json
	"bucket":    cmdBucket,    // bucket: start one, with two places in it, $BUCKET and $OTHER
	"database":  cmdDatabase,  // database: start PostgreSQL, with a place in it, $DATABASE
	"objects":   cmdObjects,   // objects FILE: everything that is at $BUCKET
	"identity":  cmdIdentity,  // identity FILE VARIABLE: an identity of age, and its public key
	"mode":      cmdMode,      // mode 0600 FILE…
	"colored":   cmdColored,   // colored stdout|stderr: there are escape sequences in it
}

// The secrets of every story. Each holds characters that URL encoding changes, so that its
// encoded forms differ from it.
const (
	canaryDevSecret = "canary+dev/secret=7%41"
	canaryPassword  = "canary+p12/word=3%2B"
	canaryOther     = "canary+other/word=9&1"
)

const storyKey = "story"

// story is what one script has beyond its directory.
type story struct {
	t   testing.TB
	dir string

	mu      sync.Mutex
	printed []byte // by every run, except where secrets were asked for
	account *account
	closers []func()
	running map[string]*process
}

// begin prepares a story's environment. The endpoint leads nowhere until the script starts
// a server: no story can reach the real service by mistake.
func begin(env *testscript.Env) error {
	t := env.T().(testing.TB)
	s := &story{t: t, dir: env.WorkDir, running: map[string]*process{}}
	env.Values[storyKey] = s
	env.Setenv("JPSYNC_ENDPOINT", "http://127.0.0.1:1/v1/")
	env.Setenv("JPUSH_DEV_KEY", "story-dev-key")
	env.Setenv("JPUSH_DEV_SECRET", canaryDevSecret)
	env.Setenv("P12_PASSWORD", canaryPassword)
	env.Setenv("OTHER_PASSWORD", canaryOther)
	if os.Getenv("GORACE") == "" {
		env.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	env.Defer(func() {
		s.end()
		s.scan(t)
	})
	return nil
}

func of(ts *testscript.TestScript) *story { return ts.Value(storyKey).(*story) }

// end stops what the story left running.
func (s *story) end() {
	for name, p := range s.running {
		if s.t.Failed() {
			s.t.Logf("%s said:\n%s", name, p.stderr.String())
		}
		p.cmd.Process.Kill()
		<-p.done
		if s.t.Failed() {
			s.t.Logf("%s ended: %v", name, p.err)
		}
	}
	for _, f := range s.closers {
		f()
	}
}

func (s *story) keep(output string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.printed = append(s.printed, output...)
}
