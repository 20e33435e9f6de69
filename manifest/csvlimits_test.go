package manifest

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allocated loads a CSV file and returns its error with how much memory was taken for it, of
// which none may have been given back.
func allocated(t *testing.T, text string) (Errors, uint64) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "apps.csv", text)
	write(t, dir, "m.yaml", fromCSV)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Load("m.yaml", Options{})
	runtime.ReadMemStats(&after)
	var errs Errors
	if err != nil {
		require.ErrorAs(t, err, &errs)
	}
	return errs, after.TotalAlloc - before.TotalAlloc
}

// What a file has many of, one for each byte or two, is counted and not kept.
func TestBoundedCSV(t *testing.T) {
	const n, head = 1_000_000, "app_name,android_package\n"
	const most = 16 * n // bytes; the apps that a file of as many lines may have come on top
	for name, c := range map[string]struct {
		text    string
		want    string
		entries int
	}{
		"columns":      {"app_name,android_package" + strings.Repeat(",a", n), "apps.csv:1:1: there are more than 200 columns", 1},
		"cells":        {head + "A,cn.a" + strings.Repeat(",a", n) + "\n", "apps.csv:2:8: the row has 1000002 cells, the first line has 2", 1},
		"late cell":    {head + strings.Repeat(",", n) + "a\n", "apps.csv:2:1000001: the row has 1000001 cells, the first line has 2", 1},
		"quotes":       {head + "a" + strings.Repeat(`"`, n) + "\n", "apps.csv:2:2: a quote stands inside", 1},
		"double quote": {head + `"` + strings.Repeat(`""`, n) + "\",cn.a\n", "apps.csv:2:1: app_name is longer than 100 characters (column app_name)", 1},
	} {
		t.Run(name, func(t *testing.T) {
			errs, bytes := allocated(t, c.text)
			require.Len(t, errs, c.entries)
			assert.Contains(t, errs[0].Error(), c.want)
			assert.Less(t, bytes, uint64(most))
		})
	}
}

// Mistakes beyond those that are told are counted.
func TestManyMistakesInCSV(t *testing.T) {
	const n = 50_000
	errs, _ := allocated(t, "app_name,android_package\n"+strings.Repeat("a\"\n", n)+strings.Repeat("a\n", n))
	require.Len(t, errs, maxErrors+1)
	assert.Equal(t, "and 99000 more errors", errs[maxErrors].Error())

	r := newRows(strings.Repeat("\"a\"b\"\n", n), ',')
	rows := 0
	for cells := r.next(nil); cells != nil; cells = r.next(cells) {
		rows++
	}
	assert.Equal(t, n, rows)
	assert.Len(t, r.problems, maxErrors)
	assert.Equal(t, n-maxErrors, r.more, "one for each cell")
}
