package manifest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]Limit{
		"0": {}, "7": {N: 7}, "0%": {Percent: true}, "10%": {10, true}, "100%": {100, true}, "2147483647": {N: 2147483647},
	} {
		got, err := ParseLimit(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "%", "-1", "+1", "1.5", "101%", "1 %", "5%%", "x", "0x10", "2147483648", "99999999999999999999"} {
		_, err := ParseLimit(text)
		assert.Error(t, err, text)
	}
}

func TestLimit(t *testing.T) {
	for _, test := range []struct {
		limit Limit
		text  string
		of    map[int]int
	}{
		{Limit{N: 3}, "3", map[int]int{0: 3, 100: 3}},
		{Limit{10, true}, "10%", map[int]int{0: 0, 9: 0, 10: 1, 19: 1, 100_000: 10_000}},
		{Limit{100, true}, "100%", map[int]int{7: 7}},
	} {
		assert.Equal(t, test.text, test.limit.String())
		for total, want := range test.of {
			assert.Equal(t, want, test.limit.Of(total), "%s of %d", test.text, total)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0d": 0, "30d": 30 * day, "2w": 14 * day, "12h": 12 * time.Hour,
		"1.5h": 90 * time.Minute, "90m": 90 * time.Minute, "3h4m5s": 3*time.Hour + 4*time.Minute + 5*time.Second,
		"36500d": maxDuration,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "30", "d", "-1d", "+1d", "1 d", "30 days", "1d2", "1d12h", "1.5d", ".d", "1..5d", "36501d", "5215w", "876001h", "99999999999d", "1e9d", "٣d", "1y"} {
		_, err := ParseDuration(text)
		assert.Error(t, err, text)
	}
}

func FuzzParseDuration(f *testing.F) {
	f.Add("2w")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDuration(text); err == nil && (d < 0 || d > maxDuration) {
			t.Errorf("%q is %s", text, d)
		}
	})
}
