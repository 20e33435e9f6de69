package state_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func marshal(t testing.TB, s *state.State) []byte {
	t.Helper()
	doc, err := state.Marshal(s)
	require.NoError(t, err)
	return doc
}

func TestFormat(t *testing.T) {
	golden(t, "state.golden", marshal(t, statetest.Sample()))
	golden(t, "empty.golden", marshal(t, state.New()))
}

func TestUnmarshalReadsWhatMarshalWrote(t *testing.T) {
	for _, s := range []*state.State{statetest.Sample(), state.New()} {
		got, err := state.Unmarshal(marshal(t, s))
		require.NoError(t, err)
		require.Equal(t, s, got)
	}
}

func TestTimesAreUTCAndWholeSeconds(t *testing.T) {
	s := state.New()
	at := time.Date(2026, 1, 2, 3, 4, 5, 999, time.FixedZone("CST", 8*60*60))
	s.Apps["a"] = state.App{CreatedAt: at}
	doc := marshal(t, s)
	require.Contains(t, string(doc), `"created_at": "2026-01-01T19:04:05Z"`)
}

// Anybody can verify a state: this is the recipe in Marshal's comment.
func TestChecksumIsOverTheOtherLines(t *testing.T) {
	doc := string(marshal(t, statetest.Sample()))
	line := regexp.MustCompile(`(?m)^  "checksum": .*\n`)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(line.ReplaceAllString(doc, ""))))
	require.Equal(t, `  "checksum": "sha256:`+sum+"\",\n", line.FindString(doc))
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	doc := marshal(t, statetest.Sample())
	refused := 0
	for i := range doc {
		for bit := range 8 {
			bad := bytes.Clone(doc)
			bad[i] ^= 1 << bit
			_, err := state.Unmarshal(bad)
			if !isRefusal(err) {
				t.Fatalf("byte %d (%q) bit %d: %v", i, doc[i], bit, err)
			}
			refused++
		}
	}
	t.Logf("%d flipped bits refused", refused)
}

func TestEveryCutIsRefused(t *testing.T) {
	doc := marshal(t, statetest.Sample())
	for n := range doc {
		if _, err := state.Unmarshal(doc[:n:n]); !errors.Is(err, state.ErrDamaged) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	t.Logf("%d cuts refused", len(doc))
}

func isRefusal(err error) bool {
	return errors.Is(err, state.ErrDamaged) || errors.Is(err, state.ErrNewerVersion)
}

// resealed gives a changed document a checksum that fits, so that what refuses it is
// something else.
func resealed(doc string) []byte {
	line := regexp.MustCompile(`(?m)^  "checksum": "sha256:.*\n`)
	at := line.FindStringIndex(doc)
	if at == nil {
		return []byte(doc)
	}
	sum := sha256.Sum256([]byte(doc[:at[0]] + doc[at[1]:]))
	return fmt.Appendf(nil, "%s  \"checksum\": \"sha256:%x\",\n%s", doc[:at[0]], sum, doc[at[1]:])
}

func TestUnmarshalRefusesWhatFollows(t *testing.T) {
	doc := string(marshal(t, statetest.Sample()))
	_, err := state.Unmarshal(resealed(doc))
	require.NoError(t, err)
	for _, tail := range []string{" {}", "\x00", "x"} {
		_, err := state.Unmarshal(resealed(doc + tail))
		require.ErrorIs(t, err, state.ErrDamaged, "%q", tail)
		require.ErrorContains(t, err, "jpsync state repair")
	}
}

func TestUnmarshalRefusesANewerVersion(t *testing.T) {
	doc := strings.Replace(string(marshal(t, statetest.Sample())), `"version": 1`, `"version": 2`, 1)
	for _, doc := range []string{doc, `{"version": 2, "things": []}`} {
		_, err := state.Unmarshal([]byte(doc))
		require.ErrorIs(t, err, state.ErrNewerVersion)
		require.ErrorContains(t, err, "the state has format version 2 and this jpsync reads 1; use the newer jpsync that wrote it")
	}
}

func TestEmptyIsDamaged(t *testing.T) {
	for _, doc := range []string{"", "\n", "{}", "null", "[]"} {
		_, err := state.Unmarshal([]byte(doc))
		require.ErrorIs(t, err, state.ErrDamaged, "%q", doc)
	}
}

func TestMarshalRefusesWhatCannotBeRead(t *testing.T) {
	tests := map[string]func(*state.State){
		"a newer version": func(s *state.State) { s.Version = 2 },
		"negative serial": func(s *state.State) { s.Serial = -1 },
		"not UTF-8":       func(s *state.State) { s.Apps["x"] = state.App{AppKey: "\xc3"} },
		"id not UTF-8":    func(s *state.State) { s.Apps["\xff"] = state.App{} },
		"year 10000":      func(s *state.State) { s.Apps["x"] = state.App{CreatedAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} },
		"pending upload":  func(s *state.State) { s.Pending["x"] = state.Intent{Op: state.OpUpload} },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			s := statetest.Sample()
			spoil(s)
			_, err := state.Marshal(s)
			require.Error(t, err)
		})
	}
}

func TestStringsSurvive(t *testing.T) {
	for _, text := range []string{"", "\x00\x01\x1f\x7f", "\"\\/", "\u2028\u2029", "😀商城", "<&>", "é"} {
		s := state.New()
		s.Apps[text] = state.App{AppName: text, MasterSecret: text}
		got, err := state.Unmarshal(marshal(t, s))
		require.NoError(t, err, "%q", text)
		require.Equal(t, s, got)
	}
	escaped := strings.Replace(string(marshal(t, statetest.Sample())), "商城", `\u5546\ud83d\ude00\/\b\f\n\r\t`, 1)
	got, err := state.Unmarshal(resealed(escaped))
	require.NoError(t, err)
	require.Equal(t, "商😀/\b\f\n\r\t", got.Apps["shop"].AppName)
}

func FuzzUnmarshal(f *testing.F) {
	doc := marshal(f, statetest.Sample())
	f.Add(doc)
	f.Add(marshal(f, state.New()))
	f.Add([]byte(`{"version": 2}`))
	f.Add([]byte("{\"apps\":{\"\\u\n  \"checksum\": \"sha256:"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, resealed(string(data))} {
			s, err := state.Unmarshal(data)
			if err != nil {
				if !isRefusal(err) {
					t.Fatalf("neither damaged nor newer: %v", err)
				}
				continue
			}
			again, err := state.Unmarshal(marshal(t, s))
			require.NoError(t, err)
			require.Equal(t, s, again)
		}
	})
}
