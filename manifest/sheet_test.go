package manifest

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cell is where it begins, in lines of the file and in characters.
func TestPlacesOfCells(t *testing.T) {
	s := newSheet("a.csv", "a,商,\"b\nc 城\",d\n\n\"\"\"商\",e\n", ',')
	type cell struct {
		text      string
		line, col int
	}
	var got []cell
	for {
		record, err := s.next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		for i, text := range record {
			at := s.cell(i)
			got = append(got, cell{text, at.Line, at.Column})
		}
	}
	assert.Equal(t, []cell{
		{"a", 1, 1}, {"商", 1, 3}, {"b\nc 城", 1, 5}, {"d", 2, 6}, {"\"商", 4, 1}, {"e", 4, 7},
	}, got)
}

// FuzzCSV checks that every file becomes apps or errors with positions.
func FuzzCSV(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "csv", "*.csv"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Add([]byte("sep=;\r\n;app_name;android_package;;\r\n;A;cn.a;;;\r\n"), false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, gb bool) {
		encoding := utf8Encoding
		if gb {
			encoding = gb18030Encoding
		}
		sheet := write(t, dir, "apps.csv", string(data))
		file := write(t, dir, "m.yaml", "version: 1\napps_from: {csv: apps.csv, encoding: "+encoding+"}\n")
		_, err := Load(file, Options{})
		if err != nil {
			var errs Errors
			require.ErrorAs(t, err, &errs)
			for _, e := range errs {
				if e.Pos.Line < 1 || e.Pos.Column < 1 || e.Pos.File != sheet {
					require.Regexp(t, "^and [0-9]+ more errors$", e.Message)
				}
			}
		}
	})
}

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
	const n, head = 100_000, "app_name,android_package\n"
	const most = 96 << 20 // bytes, also of the race detector
	for name, c := range map[string]struct {
		text    string
		want    string
		entries int
	}{
		"columns":      {"app_name,android_package" + strings.Repeat(",a", n), "apps.csv:1:1: there are more than 200 columns", 1},
		"cells":        {head + "A,cn.a" + strings.Repeat(",a", n) + "\n", "apps.csv:2:8: unexpected cell", 1},
		"late cell":    {head + strings.Repeat(",", n) + "a\n", "apps.csv:2:100001: unexpected cell", 1},
		"quotes":       {head + "a" + strings.Repeat(`"`, n) + "\n", "apps.csv:2:2: unexpected quote", 1},
		"long row":     {head + "A,cn.a" + strings.Repeat(",", 8<<20) + "\n", "apps.csv:2:1: the row that begins here is longer than 256 KiB: is a quote not closed?", 1},
		"open quote":   {head + "A,\"cn.a\n" + strings.Repeat("a,b\n", 1<<20), "apps.csv:2:1: the row that begins here is longer than 256 KiB: is a quote not closed?", 1},
		"double quote": {head + `"` + strings.Repeat(`""`, n) + "\",cn.a\n", "apps.csv:2:1: app_name is longer than 100 characters (column app_name)", 1},
		"empty lines":  {head + strings.Repeat("\n", 8<<20) + "a\n", "apps.csv:8388610:1: too few cells", 1},
		"long after":   {head + strings.Repeat("\n", 1<<20) + "A,cn.a" + strings.Repeat(",", 8<<20) + "\n", "apps.csv:1048578:1: the row that begins here is longer", 1},
		"open after":   {head + strings.Repeat("\n", 1<<20) + "\"a" + strings.Repeat("\n", 8<<20), "apps.csv:1048578:1: the row that begins here is longer", 1},
		"lines":        {head + strings.Repeat(",\n", 8<<20) + "a\n", "apps.csv:8388610:1: too few cells", 1},
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
	assert.Equal(t, 100_000, errs.Count())
	assert.Equal(t, 3, errs[:3].Count())
	assert.Zero(t, errs[:0].Count())
}
