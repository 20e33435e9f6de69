package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// floors says how high each package stands. A package imports only from floors below its
// own, so that the domain never comes to depend on the terminal or on the command line.
var floors = map[string]int{
	"jpsync/internal/jpush":         0, // the API's nouns and client: no package of ours below it
	"jpsync/internal/pushcert":      0, // looks into a file, knows no app
	"jpsync/internal/jpush/sandbox": 1, // simulates what the client talks to
	"jpsync/manifest":               1, // what is desired, unaware of what is recorded
	"jpsync/state":                  1, // what is recorded, unaware of what is desired
	"jpsync/state/shared":           2, // a state as a log in a place that many reach
	"jpsync/state/s3":               3, // such a place: a bucket
	"jpsync/state/postgres":         3, // such a place: a database
	"jpsync/planner":                2, // joins the two
	"jpsync/executor":               3, // acts on a plan alone
	"jpsync/internal/report":        4, // tells of plans and results
	"jpsync/internal/cli":           5, // the only place that prints
	"jpsync/internal/manpages":      6, // documents the command line and the manifest
	"jpsync":                        6,
}

// testOnly packages serve tests, which may import from anywhere.
func testOnly(path string) bool { return strings.HasSuffix(path, "test") }

// domain packages touch neither the terminal nor the command line.
var domain = []string{"jpsync/manifest", "jpsync/state", "jpsync/planner", "jpsync/executor"}

func TestImportsGoDown(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	require.NoError(t, err)
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for dec.More() {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		require.NoError(t, dec.Decode(&pkg))
		if testOnly(pkg.ImportPath) {
			continue
		}
		seen++
		floor, known := floors[pkg.ImportPath]
		if !known {
			t.Errorf("%s stands on no floor: give it one", pkg.ImportPath)
		}
		for _, imp := range pkg.Imports {
			if below, ours := floors[imp]; ours && below >= floor {
				t.Errorf("%s (floor %d) imports %s (floor %d)", pkg.ImportPath, floor, imp, below)
			}
			if testOnly(imp) && strings.HasPrefix(imp, "jpsync/") {
				t.Errorf("%s imports %s, which is for tests", pkg.ImportPath, imp)
			}
		}
		for _, name := range domain {
			if pkg.ImportPath != name {
				continue
			}
			for _, imp := range pkg.Imports {
				switch {
				case imp == "net/http", imp == "golang.org/x/term", strings.Contains(imp, "alecthomas/kong"), strings.Contains(imp, "vbauerster/mpb"):
					t.Errorf("%s is of the domain and imports %s", name, imp)
				case imp == "gopkg.in/yaml.v3" && name != "jpsync/manifest":
					t.Errorf("%s imports yaml.v3, which stays behind manifest", name)
				}
			}
		}
	}
	require.Equal(t, len(floors), seen)
}
