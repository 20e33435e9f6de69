package cli

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheWayOfAnApp looks for each function that the package comment sends a reader to.
func TestTheWayOfAnApp(t *testing.T) {
	comment, err := os.ReadFile("cli.go")
	require.NoError(t, err)
	stations := regexp.MustCompile(`(?m)^//\t(\S+\.go) +(\w+) `).FindAllStringSubmatch(string(comment), -1)
	require.NotEmpty(t, stations)
	for _, s := range stations {
		text, err := os.ReadFile("../../" + s[1])
		require.NoError(t, err)
		require.Regexp(t, `(?m)^func (\(.*\) )?`+s[2]+`\(`, string(text), s[1])
	}
}
