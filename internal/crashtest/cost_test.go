package crashtest

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

const mebibyte = 1 << 20

// peak is the most memory that a process had from the operating system, in bytes.
func peak(t *testing.T, w *world, args ...string) int64 {
	t.Helper()
	w.run("", args...) // it is meant to fail
	data, err := os.ReadFile(w.path("memory"))
	require.NoError(t, err)
	n, err := strconv.ParseInt(string(data), 10, 64)
	require.NoError(t, err)
	return n
}

// TestAHostileServerCostsLittle compares the memory of an apply with that of a process that
// does nothing.
func TestAHostileServerCostsLittle(t *testing.T) {
	certificate := p12(t)
	for _, fault := range []string{"endless", "hugebody", "gzipbomb", "wrongtypes", "slowheaders", "html502", "cutjson"} {
		t.Run(fault, func(t *testing.T) {
			f, err := sandbox.ParseFault(fault)
			require.NoError(t, err)
			w := newWorld(t, 100, certificate, sandbox.Options{Faults: []sandbox.Fault{f}})
			idle := peak(t, w, "version")
			busy := peak(t, w, "apply", "--auto-approve", "--parallelism", "64", "--max-attempts", "1", "--timeout", "1s")
			require.NotZero(t, w.server.Counts().Requests)
			t.Logf("%d MiB above %d", (busy-idle)/mebibyte, idle/mebibyte)
			require.Less(t, busy-idle, int64(64*mebibyte))
		})
	}
}

// TestAHostileManifestCostsLittle does the same for manifests that grow when they are read.
func TestAHostileManifestCostsLittle(t *testing.T) {
	for _, hostile := range []struct{ name, text string }{
		{"alias bomb", laughs()},
		{"deep nesting", "version: 1\napps: " + strings.Repeat("[", 200_000)},
		{"deep mapping", "version: 1\napps: " + strings.Repeat("{a: ", 200_000)},
		{"bad merge", "apps: [{<<: {app_name: y}, [1,2]: c}]\n"},
		{"one long line", "version: 1\napps: [{app_name: " + strings.Repeat("x", 32*mebibyte) + "}]\n"},
	} {
		t.Run(hostile.name, func(t *testing.T) {
			w := newWorld(t, 1, nil, sandbox.Options{})
			idle := peak(t, w, "version")
			w.write("jpsync.yaml", hostile.text)
			code, out := w.run("", "validate")
			require.Equal(t, 1, code, out[:min(len(out), 2000)])
			require.Contains(t, out, "jpsync.yaml:")
			require.NotContains(t, out, "goroutine")
			busy := peak(t, w, "validate")
			t.Logf("%d MiB above %d: %.120s", (busy-idle)/mebibyte, idle/mebibyte, out)
			require.Less(t, busy-idle, int64(512*mebibyte))
		})
	}
}

// laughs is the classic: each line holds nine of the one before.
func laughs() string {
	var b strings.Builder
	b.WriteString("version: 1\nx0: &x0 [lol]\n")
	names := "abcdefghij"
	before := "x0"
	for _, r := range names {
		name := "x" + string(r)
		b.WriteString(name + ": &" + name + " [" + strings.TrimSuffix(strings.Repeat("*"+before+",", 9), ",") + "]\n")
		before = name
	}
	b.WriteString("apps: *" + before + "\n")
	return b.String()
}
