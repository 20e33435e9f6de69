package manifest

import (
	"bytes"
	"slices"
)

// lookalike is a kind of file that is given by mistake where text is expected.
type lookalike struct {
	begins []string
	what   string
	remedy string
}

const (
	nameIt    = ", and name that file in the manifest: apps_from: {csv: FILE}"
	fromExcel = `in Excel, choose File > Save As and the format "CSV UTF-8"` + nameIt

	fromLibreOffice = `in LibreOffice, choose File > Save As, the format "Text CSV" and the character set UTF-8` + nameIt
)

var lookalikes = []lookalike{
	{[]string{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}, "an Excel workbook, an old one (.xls) or one with a password", fromExcel},
	{[]string{"%PDF-"}, "a PDF document", `in the program that made it, save the table as "CSV UTF-8"` + nameIt},
	{[]string{"\x1f\x8b"}, "compressed with gzip", "unpack it with gunzip"},
	{[]string{"BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "Rar!\x1a"}, "compressed", "unpack it"},
	{[]string{"<!DOCTYPE", "<!doctype", "<html", "<HTML"}, "a web page (HTML)", "download the file itself: this is what a server says when a login or a permission is missing"},
	{[]string{"<?xml"}, "an XML file, perhaps an Excel workbook saved as XML", fromExcel},
}

// looksLike says what data is instead of text, and what to do about it, or "". It repeats nothing
// of data.
func looksLike(data []byte) string {
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return zipContent(data).message()
	}
	for _, l := range lookalikes {
		if slices.ContainsFunc(l.begins, func(begin string) bool { return bytes.HasPrefix(data, []byte(begin)) }) {
			return l.message()
		}
	}
	return ""
}

func (l lookalike) message() string { return "the file is " + l.what + ": " + l.remedy }

// zipContent recognizes the formats of spreadsheets that are zip archives by the names of their
// entries, which are not compressed. It does not read the archive: archive/zip keeps every entry
// in memory, and a hostile file has millions.
func zipContent(data []byte) lookalike {
	has := func(text string) bool { return bytes.Contains(data, []byte(text)) }
	switch {
	case has(".iwa"):
		return lookalike{what: "a Numbers spreadsheet", remedy: "in Numbers, choose File > Export To > CSV" + nameIt}
	case has("application/vnd.oasis.opendocument.spreadsheet"):
		return lookalike{what: "an OpenDocument spreadsheet", remedy: fromLibreOffice}
	case has("content.xml"): // its type is compressed, against the rules, or that of another document
		return lookalike{what: "an OpenDocument file", remedy: fromLibreOffice}
	case has("xl/"):
		return lookalike{what: "an Excel workbook", remedy: fromExcel}
	}
	return lookalike{what: "a zip archive", remedy: "unpack it, and give the file that is in it"}
}
