package cli_test

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"jpsync/internal/jpush/sandbox"
	"jpsync/state"
)

func cmdMark(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "mark")
	current(ts).base = current(ts).Counts()
}

// cmdLedger holds the server to claims:
//
//	requests=N creates=N uploads=N deletes=N verifies=N   since the last mark
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
		"verifies":  counts.Verifies - a.base.Verifies,
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
			if r.Certificates.Of(env).FileSHA256 != c.SHA256 {
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
