package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParallelismIsANumberOrAuto(t *testing.T) {
	for text, want := range map[string]parallelism{"1": {n: 1}, "256": {n: 256}, "auto": {auto: true}} {
		var p parallelism
		require.NoError(t, p.UnmarshalText([]byte(text)))
		require.Equal(t, want, p)
		require.Positive(t, p.most())
	}
	for _, text := range []string{"", "0", "-1", "257", "4x", "Auto", "1e2"} {
		p := parallelism{n: 4}
		require.ErrorContains(t, p.UnmarshalText([]byte(text)), "auto", text)
		require.Equal(t, 4, p.n)
	}
}
