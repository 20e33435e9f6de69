package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/cli"
)

// forms are the ways in which a secret could come out: as it is, as JSON or a URL would have
// it, and in base64 at each of the three places in which it can begin.
func forms(secret string) []string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err) // a string always encodes
	}
	list := []string{
		secret, strings.Trim(string(quoted), `"`),
		url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("", secret).String()[1:],
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), secret...))
			// The characters at the ends hold bits of the neighbours too.
			first := (before*8 + 5) / 6
			whole := (before + len(secret)) * 8 / 6
			list = append(list, text[first:whole])
		}
	}
	return list
}

// leaks returns the secrets that data holds in some form.
func leaks(data []byte, secrets []string) []string {
	var found []string
	for _, secret := range secrets {
		for _, form := range forms(secret) {
			if bytes.Contains(data, []byte(form)) {
				found = append(found, secret)
				break
			}
		}
	}
	return found
}

// panicky is an output whose every write panics, and both the value and the arguments of the call
// have a secret.
type panicky struct{ secret string }

func (w panicky) Write([]byte) (int, error) { return spill(w.secret, []byte(w.secret), w) }

//go:noinline
func spill(secret string, data []byte, w panicky) (int, error) {
	panic(fmt.Errorf("%s, %s and %s are wrong", secret, data, w.secret))
}

// A panic tells where it happened and of what type its value is, and no secret that is near.
func TestAPanicTellsNoSecret(t *testing.T) {
	var told bytes.Buffer
	code := cli.Main(t.Context(), []string{"version"}, cli.Host{In: strings.NewReader(""), Out: panicky{canaryPassword}, Err: &told})
	require.Equal(t, cli.ExitError, code)
	require.Contains(t, told.String(), "jpsync: internal error (*errors.errorString)")
	require.Contains(t, told.String(), "cli_test.spill")
	require.Empty(t, leaks(told.Bytes(), []string{canaryPassword}))
	for word := range slices.Chunk([]byte(canaryPassword), 8) { // as a stack writes the words of an argument
		require.NotContains(t, told.String(), fmt.Sprintf("%x", word))
		slices.Reverse(word)
		require.NotContains(t, told.String(), fmt.Sprintf("%x", word))
	}
}

var masterSecret = regexp.MustCompile(`"master_secret": ?"([^"]+)"`)

// scan searches everything that the story's runs printed and wrote. Files that end in
// .secret are the story's own, which hold a secret for jpsync to read.
func (s *story) scan(t testing.TB) {
	t.Helper()
	given := []string{canaryDevSecret, canaryPassword, canaryOther}
	files := map[string][]byte{}
	var masters []string
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".secret") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files[path] = data
		if holdsMasterSecrets(path) {
			for _, m := range masterSecret.FindAllSubmatch(data, -1) {
				masters = append(masters, string(m[1]))
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("search the story's files: %v", err)
	}
	for path, data := range files {
		for _, secret := range leaks(data, given) {
			t.Errorf("%s holds the secret %s", path, secret)
		}
		if holdsMasterSecrets(path) {
			continue
		}
		for _, secret := range leaks(data, masters) {
			t.Errorf("%s holds the master secret %s", path, secret)
		}
	}
	for _, secret := range leaks(s.printed, append(given, masters...)) {
		t.Errorf("a run printed the secret %s", secret)
	}
}

// holdsMasterSecrets tells the files whose purpose that is.
func holdsMasterSecrets(path string) bool {
	name := filepath.Base(path)
	return strings.HasPrefix(name, "jpsync.state.json") || strings.HasSuffix(filepath.Dir(path), filepath.Join(".jpsync", "sandbox"))
}

func TestLeaksAreFoundInEveryForm(t *testing.T) {
	for name, text := range map[string]string{
		"raw":          "x " + canaryDevSecret + " y",
		"query":        "?a=" + url.QueryEscape(canaryDevSecret) + "&b",
		"path":         "/a/" + url.PathEscape(canaryDevSecret) + "/b",
		"user info":    (&url.URL{Scheme: "http", Host: "x", User: url.UserPassword("k", canaryDevSecret)}).String(),
		"json":         `{"a":"` + strings.ReplaceAll(canaryOther, "&", `\u0026`) + `"}`,
		"basic auth":   base64.StdEncoding.EncodeToString([]byte("key:" + canaryDevSecret)),
		"basic auth 1": base64.StdEncoding.EncodeToString([]byte("key1:" + canaryDevSecret)),
		"basic auth 2": base64.StdEncoding.EncodeToString([]byte("key12:" + canaryDevSecret + "tail")),
		"url base64":   base64.RawURLEncoding.EncodeToString([]byte(canaryDevSecret)),
	} {
		require.Len(t, leaks([]byte(text), []string{canaryDevSecret, canaryOther}), 1, name)
	}
	require.Empty(t, leaks([]byte("canary dev secret, "+base64.StdEncoding.EncodeToString([]byte("something else"))), []string{canaryDevSecret}))
}

// recorder takes a scan's findings instead of the test.
type recorder struct {
	testing.TB
	found []string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Errorf(format string, args ...any) { r.found = append(r.found, format) }

func TestAStoryIsSearchedAsAWhole(t *testing.T) {
	const master = "0123456789abcdef01234567"
	state := `{"apps":{"a":{"master_secret": "` + master + `"}}}`
	for name, c := range map[string]struct {
		file, text, printed string
		want                int
	}{
		"clean":                      {file: "release.plan", text: "{}", printed: "created"},
		"a file":                     {file: "release.plan", text: canaryPassword, want: 1},
		"the state, a given secret":  {file: "jpsync.state.json.backup", text: canaryDevSecret, want: 1},
		"the state, a master secret": {file: "jpsync.state.json.backup", text: master},
		"a plan, a master secret":    {file: "release.plan", text: master, want: 1},
		"output":                     {file: "x", printed: canaryOther, want: 1},
		"output, a master secret":    {file: "x", printed: master, want: 1},
		"a story's own secret":       {file: "p12.secret", text: canaryPassword},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "jpsync.state.json"), []byte(state), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600))
			r := &recorder{TB: t}
			(&story{dir: dir, printed: []byte(c.printed)}).scan(r)
			require.Len(t, r.found, c.want)
		})
	}
}
