package manifest

import (
	"encoding/csv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readAll is what rows makes of a text; good tells that it found no mistake.
func readAll(text string, comma byte) (records [][]string, good bool) {
	r := newRows(text, comma)
	r.most = len(text) + 1
	for cells := r.next(nil); cells != nil; cells = r.next(cells) {
		var record []string
		for _, c := range cells {
			record = append(record, c.text)
		}
		records = append(records, record)
	}
	return records, len(r.problems) == 0
}

// requireStandard compares rows with the standard library's reader, which knows the same
// format and stops at the first mistake.
func requireStandard(t *testing.T, text string, comma byte) {
	t.Helper()
	got, good := readAll(text, comma)
	standard := csv.NewReader(strings.NewReader(text))
	standard.Comma, standard.FieldsPerRecord = rune(comma), -1
	var want [][]string
	for {
		record, err := standard.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			require.False(t, good, "%q: %v", text, err)
			return
		}
		want = append(want, record)
	}
	require.True(t, good, "%q", text)
	require.Equal(t, want, got, "%q", text)
}

func TestRowsAreTheStandardLibrarys(t *testing.T) {
	for _, text := range []string{
		"", "\n", "a", "a,b\nc,d\n", "a,\n", ",\n", ",", "\"a\nb\",c\n", "\"a\r\nb\"\r\nc", "\"a\"\"b\",\"\"\n", "a\"b\n",
		"\"a\"b\n", "\"a\n", "a\r\n\r\n\nb\r\n", "a\r", "\r", "a\rb\n", "\"\r\"\n", "商,城\n", "\"\"", "\"\"\"\"", " \"a\"\n", "\"a\"\r",
	} {
		requireStandard(t, text, ',')
		requireStandard(t, strings.ReplaceAll(text, ",", ";"), ';')
	}
}

// A cell is where it begins, in lines of the file and in characters.
func TestPlacesOfCells(t *testing.T) {
	r := newRows("a,商,\"b\nc 城\",d\r\n\n\"\"\"商\",e\n", ',')
	var got []cell
	for cells := r.next(nil); cells != nil; cells = r.next(nil) {
		got = append(got, cells...)
	}
	assert.Equal(t, []cell{
		{"a", 1, 1}, {"商", 1, 3}, {"b\nc 城", 1, 5}, {"d", 2, 6}, {"\"商", 4, 1}, {"e", 4, 7},
	}, got)
}

// FuzzCSV holds every file to apps or to errors with places, its cells to what the standard
// library reads, and its conversion to the same apps.
func FuzzCSV(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "csv", "*.csv"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Add([]byte(convertible), false)
	f.Add([]byte("sep=;\r\n;app_name;android_package;;\r\n;A;cn.a;;;\r\n"), false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, gb bool) {
		requireStandard(t, string(data), ',')
		encoding := UTF8
		if gb {
			encoding = GB18030
		}
		sheet := write(t, dir, "apps.csv", string(data))
		file := write(t, dir, "m.yaml", "version: 1\napps_from: {csv: apps.csv, encoding: "+encoding+"}\n")
		m, err := Load(file, Options{})
		list, n, convertErr := Convert(sheet, dir, ConvertOptions{Encoding: encoding})
		if err != nil {
			var errs Errors
			require.ErrorAs(t, err, &errs)
			for _, e := range errs {
				if e.Pos.Line < 1 || e.Pos.Column < 1 || e.Pos.File != sheet {
					require.Regexp(t, "^and [0-9]+ more errors$", e.Message)
				}
			}
			require.Error(t, convertErr)
			return
		}
		require.NoError(t, convertErr)
		require.Len(t, m.Apps, n)
		converted, err := Load(write(t, dir, "c.yaml", "version: 1\n"+string(list)), Options{})
		require.NoError(t, err, "%s", list)
		require.Equal(t, placeless(m.Apps), placeless(converted.Apps))
	})
}

func TestRandomRowsAreTheStandardLibrarys(t *testing.T) {
	tokens := []string{"a", "商", ",", ",", "\n", "\r\n", "\r", "\"", "\"", "\"\"", " ", "\"x\"", "\"y\n\"", "\xff", "\x00"}
	random := rand.New(rand.NewPCG(3, 4))
	good := 0
	for range 50_000 {
		text := ""
		for range random.IntN(10) {
			text += tokens[random.IntN(len(tokens))]
		}
		requireStandard(t, text, ',')
		if _, ok := readAll(text, ','); ok {
			good++
		}
	}
	assert.Greater(t, good, 5_000)
	assert.Less(t, good, 45_000)
}
