package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/pushcert"
	"jpsync/state"
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
		DevKey: "story-dev-key", DevSecret: canaryDevSecret, KeepRequests: -1, Seed: 1,
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
			options.MasterSecrets = sandbox.Never
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

func cmdMark(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "mark")
	current(ts).base = current(ts).Counts()
}

// cmdLedger holds the server to claims:
//
//	requests=N creates=N uploads=N deletes=N   since the last mark
//	apps=N                                     that are not deleted
//	attempts=N                                 each create, upload and delete was sent N times
//	in-flight<=N                               at most so many requests ran side by side
//	unique                                     no package has two apps
//	recorded                                   the state has each of the apps under its key, and no other
func cmdLedger(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	a := current(ts)
	counts := a.Counts()
	numbers := map[string]int{
		"requests":  counts.Requests - a.base.Requests,
		"creates":   counts.Creates - a.base.Creates,
		"uploads":   counts.Uploads - a.base.Uploads,
		"deletes":   counts.Deletes - a.base.Deletes,
		"apps":      len(a.live()),
		"in-flight": counts.MaxRunning,
	}
	for _, claim := range args {
		switch name, value, _ := strings.Cut(claim, "="); name {
		case "unique":
			a.checkUnique(ts)
		case "recorded":
			a.checkRecorded(ts)
		case "attempts":
			a.checkAttempts(ts, number(ts, value))
		default:
			most := strings.HasSuffix(name, "<")
			got, known := numbers[strings.TrimSuffix(name, "<")]
			want := number(ts, value)
			if !known || (most && got > want) || (!most && got != want) {
				ts.Fatalf("ledger: %s does not hold, it is %d", claim, got)
			}
		}
	}
}

func (a *account) live() []sandbox.App {
	var apps []sandbox.App
	for _, app := range a.Apps() {
		if !app.Deleted {
			apps = append(apps, app)
		}
	}
	return apps
}

func (a *account) checkUnique(ts *testscript.TestScript) {
	owner := map[string]string{}
	for _, app := range a.live() {
		if other, twice := owner[app.AndroidPackage]; twice {
			ts.Fatalf("ledger: %s is there twice, as %s and %s", app.AndroidPackage, other, app.AppKey)
		}
		owner[app.AndroidPackage] = app.AppKey
	}
}

// checkRecorded compares both ways: nothing that the server has is lost, and nothing is
// recorded that it has not.
func (a *account) checkRecorded(ts *testscript.TestScript) {
	st, err := state.Unmarshal([]byte(ts.ReadFile("jpsync.state.json")))
	ts.Check(err)
	recorded := map[string]state.App{}
	for id, app := range st.Apps {
		if other, twice := recorded[app.AppKey]; twice {
			ts.Fatalf("ledger: %s and %s are recorded under one key", id, other.AppName)
		}
		recorded[app.AppKey] = app
	}
	for _, app := range a.live() {
		r, ok := recorded[app.AppKey]
		if !ok || r.AndroidPackage != app.AndroidPackage {
			ts.Fatalf("ledger: %s with key %s is on the server and not in the state", app.AndroidPackage, app.AppKey)
		}
		delete(recorded, app.AppKey)
		for env, c := range app.Certificates {
			if r.Certificates[env].FileSHA256 != c.SHA256 {
				ts.Fatalf("ledger: the %s certificate of %s is on the server and not in the state", env, app.AndroidPackage)
			}
		}
	}
	for key, app := range recorded {
		ts.Fatalf("ledger: %s with key %s is in the state and not on the server", app.AndroidPackage, key)
	}
}

func (a *account) checkAttempts(ts *testscript.TestScript, want int) {
	sent := map[string]int{}
	for _, r := range a.Requests()[a.base.Requests:] {
		target := r.Op + " " + r.Path
		var body struct {
			AndroidPackage string `json:"android_package"`
		}
		if json.Unmarshal(r.Body, &body) == nil {
			target += " " + body.AndroidPackage
		}
		if bytes.Contains(r.Body, []byte(`"devCertificateFile"`)) {
			target += " development"
		}
		sent[target]++
	}
	if len(sent) == 0 {
		ts.Fatalf("ledger: nothing was sent")
	}
	for target, n := range sent {
		if n != want {
			ts.Fatalf("ledger: %s was sent %d times, not %d", target, n, want)
		}
	}
}

// gate stands before an account and can let requests wait, so that a story may act while
// they are in flight.
type gate struct {
	next http.Handler

	mu      sync.Mutex
	changed sync.Cond
	shut    bool
	waiting []chan struct{} // one for each request, closed at its end
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The body is taken in first: whoever sent it may be gone when the gate opens.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ended := make(chan struct{})
	defer close(ended)
	g.mu.Lock()
	if g.shut {
		g.waiting = append(g.waiting, ended)
		g.changed.Broadcast()
	}
	for g.shut {
		g.changed.Wait()
	}
	g.mu.Unlock()
	g.next.ServeHTTP(w, r)
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

// open lets the waiting requests go on, and returns when the account is done with them.
func (g *gate) open() {
	g.mu.Lock()
	g.shut = false
	waiting := g.waiting
	g.waiting = nil
	g.changed.Broadcast()
	g.mu.Unlock()
	for _, ended := range waiting {
		<-ended
	}
}

func (g *gate) await(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) < n {
		g.changed.Wait()
	}
}

func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "hold")
	current(ts).gate.close()
}

func cmdHeld(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 1, "held N")
	current(ts).gate.await(number(ts, args[0]))
}

func cmdRelease(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "release")
	current(ts).gate.open()
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
