package manifest

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zipOf is a zip archive. Entries are names, or name=content.
func zipOf(t *testing.T, entries ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, entry := range entries {
		name, content, _ := strings.Cut(entry, "=")
		f, err := w.CreateHeader(&zip.FileHeader{Name: name})
		require.NoError(t, err)
		_, err = f.Write([]byte(content + "canary"))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}

// A file of another kind is named for what it is, as a table and as a manifest, and cut short as
// well. Nothing of it is repeated.
func TestLookalikes(t *testing.T) {
	xlsx := zipOf(t, "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/worksheets/sheet1.xml")
	for _, c := range []struct{ text, what, remedy string }{
		{xlsx, "an Excel workbook", `"CSV UTF-8"`},
		{xlsx[:len(xlsx)*2/3], "an Excel workbook", `"CSV UTF-8"`},
		{zipOf(t, "xl/workbook.bin"), "an Excel workbook", `"CSV UTF-8"`},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 504) + "canary", "an Excel workbook, an old one (.xls) or one with a password", `"CSV UTF-8"`},
		{zipOf(t, "Index/Document.iwa", "preview.jpg"), "a Numbers spreadsheet", "File > Export To > CSV"},
		{zipOf(t, "Data/x", "Metadata/a.iwa"), "a Numbers spreadsheet", "File > Export To > CSV"},
		{zipOf(t, "mimetype=application/vnd.oasis.opendocument.spreadsheet", "content.xml"), "an OpenDocument spreadsheet", `"Text CSV"`},
		{zipOf(t, "mimetype=application/vnd.oasis.opendocument.text", "content.xml"), "an OpenDocument file", `"Text CSV"`},
		{zipOf(t, "word/document.xml"), "a zip archive", "unpack it"},
		{zipOf(t, "apps.csv=id,app_name"), "a zip archive", "unpack it"},
		{"%PDF-1.7\n%\xe2\xe3\xcf\xd3\ncanary", "a PDF document", `"CSV UTF-8"`},
		{"\x1f\x8b\x08\x00canary", "compressed with gzip", "gunzip"},
		{"BZh91AY&SYcanary", "compressed", "unpack it"},
		{"<!DOCTYPE HTML><p>canary", "a web page (HTML)", "download the file itself"},
		{"<?xml version=\"1.0\"?><Workbook>canary", "an XML file", `"CSV UTF-8"`},
	} {
		dir := t.TempDir()
		t.Chdir(dir)
		write(t, dir, "apps.csv", c.text)
		for _, encoding := range []string{"utf-8", "gb18030"} {
			write(t, dir, "m.yaml", "version: 1\napps_from: {csv: apps.csv, encoding: "+encoding+"}\n")
			for _, file := range []string{"m.yaml", "apps.csv"} {
				_, err := Load(file, Options{})
				require.IsType(t, Errors{}, err, c.what)
				assert.Len(t, err, 1)
				assert.ErrorContains(t, err, "apps.csv:1:1: the file is "+c.what)
				assert.ErrorContains(t, err, c.remedy)
				assert.NotContains(t, err.Error(), "canary")
			}
		}
	}
}
