package cli_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"software.sslmate.com/src/go-pkcs12"

	"jpsync/internal/pushcert"
	"jpsync/state"
)

// oneKey is the key of all certificates here, since making one is slow.
var oneKey = sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// cmdMint writes a certificate that looks like Apple's. Its options are kind=, password= and
// expires=DURATION from now, which may be negative.
func cmdMint(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	if len(args) < 2 {
		ts.Fatalf("usage: mint FILE BUNDLE [kind=KIND] [password=PASSWORD] [expires=DURATION]")
	}
	key, err := oneKey()
	ts.Check(err)
	o := pushcert.MintOptions{BundleID: args[1], Key: key}
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "kind":
			o.Kind = pushcert.MintKind(value)
		case "password":
			o.Password = value
		case "expires":
			d, err := time.ParseDuration(value)
			ts.Check(err)
			o.NotAfter = time.Now().Add(d)
			o.NotBefore = o.NotAfter.Add(-400 * 24 * time.Hour)
		default:
			ts.Fatalf("mint has no option %s", name)
		}
	}
	data, err := pushcert.Mint(o)
	ts.Check(err)
	write(ts, args[0], data)
}

func cmdReexport(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 3, "reexport FILE OLD NEW")
	key, leaf, chain, err := pkcs12.DecodeChain([]byte(ts.ReadFile(args[0])), args[1])
	ts.Check(err)
	data, err := pkcs12.Modern.Encode(key, leaf, chain, args[2])
	ts.Check(err)
	write(ts, args[0], data)
}

func cmdKeyless(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 2, "keyless FILE PASSWORD")
	_, leaf, _, err := pkcs12.DecodeChain([]byte(ts.ReadFile(args[0])), args[1])
	ts.Check(err)
	data, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{leaf}, args[1])
	ts.Check(err)
	write(ts, args[0], data)
}

func cmdCopies(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 3, "copies FILE N DIR")
	for i := range number(ts, args[1]) {
		write(ts, fmt.Sprintf("%s/app-%03d.p12", args[2], i+1), []byte(ts.ReadFile(args[0])))
	}
}

func write(ts *testscript.TestScript, name string, data []byte) {
	path := ts.MkAbs(name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(os.WriteFile(path, data, 0o666))
}

func cmdManifest(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	file := "jpsync.yaml"
	if len(args) == 2 {
		file = args[1]
	} else {
		usage(ts, args, 1, "manifest N [FILE]")
	}
	var b strings.Builder
	b.WriteString("version: 1\napps:\n")
	if args[0] == "0" {
		b.WriteString("  []\n")
	}
	for i := range number(ts, args[0]) {
		fmt.Fprintf(&b, "  - {id: app-%03d, app_name: 应用 %03[1]d, android_package: cn.example.app%03[1]d}\n", i+1)
	}
	write(ts, file, []byte(b.String()))
}

func cmdEdit(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 3, "edit FILE OLD NEW")
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	write(ts, args[0], []byte(strings.ReplaceAll(text, args[1], args[2])))
}

func cmdAppKey(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 2, "appkey VARIABLE ID")
	st, err := state.Unmarshal([]byte(ts.ReadFile("jpsync.state.json")))
	ts.Check(err)
	key := st.Apps[args[1]].AppKey
	if key == "" {
		ts.Fatalf("%s has no recorded app key", args[1])
	}
	ts.Setenv(args[0], key)
}

// cmdLines holds stdout to what pipelines parse: an object on each line, with a type that is
// known, the version first and the summary last.
func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "lines")
	known := map[string]bool{"version": true, "planned_change": true, "apply_start": true, "retry": true,
		"apply_complete": true, "apply_errored": true, "summary": true}
	lines := outputLines(ts)
	for i, line := range lines {
		var object struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("line %d is no JSON object: %v", i+1, err)
		}
		first, last := i == 0, i == len(lines)-1
		if !known[object.Type] || first != (object.Type == "version") || last != (object.Type == "summary") {
			ts.Fatalf("line %d of %d has the type %q", i+1, len(lines), object.Type)
		}
	}
}

func outputLines(ts *testscript.TestScript) []string {
	return strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
}

func cmdSummary(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	lines := outputLines(ts)
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(lines[len(lines)-1]), &object))
	compare(ts, object, args)
}

func cmdPlanned(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	var plan struct {
		Summary map[string]any `json:"summary"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &plan))
	compare(ts, plan.Summary, args)
}

func compare(ts *testscript.TestScript, object map[string]any, claims []string) {
	for _, claim := range claims {
		name, want, _ := strings.Cut(claim, "=")
		if got, ok := object[name]; !ok || fmt.Sprint(got) != want {
			ts.Fatalf("%s does not hold: %v", claim, object)
		}
	}
}

func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != os.FileMode(want) {
			ts.Fatalf("%s has mode %04o", name, got)
		}
	}
}

func cmdColored(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, args, 1, "[!] colored stdout|stderr")
	if strings.Contains(ts.ReadFile(args[0]), "\x1b[") == neg {
		ts.Fatalf("%s: colour is not as it should be:\n%s", args[0], ts.ReadFile(args[0]))
	}
}
