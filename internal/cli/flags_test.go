package cli

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
	"jpsync/manifest"
)

func TestParallelismIsANumberOrAuto(t *testing.T) {
	for text, want := range map[string]parallelism{"1": {most: 1}, "256": {most: 256}, "auto": {most: executor.AdaptiveMost, auto: true}} {
		var p parallelism
		require.NoError(t, p.UnmarshalText([]byte(text)))
		require.Equal(t, want, p)
	}
	for _, text := range []string{"", "0", "-1", "257", "4x", "Auto", "1e2"} {
		p := parallelism{most: 4}
		require.ErrorContains(t, p.UnmarshalText([]byte(text)), "auto", text)
		require.Equal(t, 4, p.most)
	}
}

func TestSendingByDefault(t *testing.T) {
	var cmd root
	parser, err := newParser(&cmd, Host{})
	require.NoError(t, err)
	_, err = parser.Parse([]string{"apply"})
	require.NoError(t, err)
	require.NoError(t, cmd.Apply.sending.check())
	require.Equal(t, executor.Options{Parallelism: 4, MaxAttempts: 5, Drain: 8 * time.Second}, cmd.Apply.sending.options())
}

func TestFlagsThatMakeNoSense(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*sending)
		want string
	}{
		{"as they are", func(*sending) {}, ""},
		{"a rate", func(s *sending) { s.Rate = 0.5 }, ""},
		{"a negative rate", func(s *sending) { s.Rate = -1 }, "--rate"},
		{"no number for a rate", func(s *sending) { s.Rate = math.NaN() }, "--rate"},
		{"an endless rate", func(s *sending) { s.Rate = math.Inf(1) }, "--rate"},
		{"no attempt", func(s *sending) { s.MaxAttempts = 0 }, "--max-attempts"},
		{"fewer attempts than none", func(s *sending) { s.MaxAttempts = -1 }, "--max-attempts"},
		{"no timeout", func(s *sending) { s.Timeout = 0 }, "--timeout"},
		{"no drain", func(s *sending) { s.Drain = -time.Second }, "--drain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flags := sending{MaxAttempts: 5, Timeout: time.Minute, Drain: time.Second}
			tt.edit(&flags)
			if err := flags.check(); tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

// What is cut would pass for another password.
func TestAPasswordIsReadWholeOrNotAtAll(t *testing.T) {
	stdin := passwordFlags{PasswordStdin: true}
	most := strings.Repeat("x", manifest.MaxSecretBytes)
	got, err := stdin.read(&terminal{Host: Host{In: strings.NewReader(most)}})
	require.NoError(t, err)
	require.Equal(t, most, got)
	_, err = stdin.read(&terminal{Host: Host{In: strings.NewReader(most + "x")}})
	require.EqualError(t, err, "--password-stdin: read standard input: more than 65536 bytes")

	path := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(path, []byte(most+"x"), 0o600))
	_, err = passwordFlags{PasswordFile: path}.read(&terminal{})
	require.ErrorContains(t, err, "password: more than 65536 bytes")
}
