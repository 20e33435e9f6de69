package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/pushcert"
)

// account is a simulated account that listens on loopback.
type account struct {
	*sandbox.Server
	gate *gate
	// The counts at the last mark.
	base sandbox.Counts
}

// cmdServer starts an account and points the story's environment at it. Its options are
// -account=DEV_KEY, -identity=always-new, -master-secrets=never and -not-enabled.
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	options := sandbox.Options{
		DevKey: "story-dev-key", DevSecret: canaryDevSecret, KeepRequests: true, Seed: 1, Strict: true,
		CheckCertificate: func(data []byte, password string) error {
			_, err := pushcert.Inspect(data, password)
			return err
		},
	}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, _ := strings.Cut(args[0], "=")
		switch name {
		case "-account":
			options.DevKey = value
		case "-identity":
			ts.Check(oneOf(value, "always-new"))
			options.Identity = sandbox.CreateAlways
		case "-master-secrets":
			ts.Check(oneOf(value, "never"))
			options.NoMasterSecret = true
		case "-not-enabled":
			options.NotEnabled = true
		default:
			ts.Fatalf("server has no option %s", name)
		}
		args = args[1:]
	}
	options.Faults = faults(ts, args)
	server, err := sandbox.New(options)
	ts.Check(err)
	a := &account{Server: server, gate: &gate{next: server}}
	a.gate.changed.L = &a.gate.mu
	listener := httptest.NewServer(a.gate)
	s := of(ts)
	s.account = a
	s.closers = append(s.closers, func() {
		a.gate.open()
		listener.CloseClientConnections()
		listener.Close()
	})
	ts.Setenv("JPSYNC_ENDPOINT", listener.URL+"/v1/")
	ts.Setenv("JPSYNC_DEVICE_ENDPOINT", listener.URL)
	ts.Setenv("JPUSH_DEV_KEY", options.DevKey)
}

func cmdFaults(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	ts.Check(current(ts).SetFaults(faults(ts, args)...))
}

func faults(ts *testscript.TestScript, args []string) []sandbox.Fault {
	var list []sandbox.Fault
	for _, arg := range args {
		f, err := sandbox.ParseFault(arg)
		ts.Check(err)
		list = append(list, f)
	}
	return list
}

func cmdPreload(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 2, "preload NAME PACKAGE")
	ts.Check(current(ts).Preload(sandbox.App{Name: args[0], AndroidPackage: args[1]}))
}

// cmdGone deletes an app as somebody would in the console.
func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 1, "gone APP_KEY")
	r := httptest.NewRequest(http.MethodPost, "/v1/app/"+args[0]+"/delete", nil)
	r.SetBasicAuth("story-dev-key", canaryDevSecret)
	w := httptest.NewRecorder()
	current(ts).ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "success") {
		ts.Fatalf("gone %s: %s", args[0], w.Body)
	}
}

func current(ts *testscript.TestScript) *account {
	a := of(ts).account
	if a == nil {
		ts.Fatalf("there is no server yet")
	}
	return a
}

func plain(ts *testscript.TestScript, neg bool) {
	if neg {
		ts.Fatalf("this command takes no !")
	}
}

func usage(ts *testscript.TestScript, args []string, n int, text string) {
	if len(args) != n {
		ts.Fatalf("usage: %s", text)
	}
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

func oneOf(value string, known string) error {
	if value != known {
		return &os.PathError{Op: "option", Path: value, Err: os.ErrInvalid}
	}
	return nil
}
