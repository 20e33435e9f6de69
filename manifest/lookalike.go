package manifest

import (
	"bytes"
	"slices"
)

// lookalike is a kind of file that is given by mistake where text is expected.
type lookalike struct {
	marks  []string // it begins with one of them, or a zip archive has one in it
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

// zipLookalikes are the formats of spreadsheets that are zip archives, recognized by the names of
// their entries, which are not compressed. The archive is not read: archive/zip keeps every entry in
// memory, and a hostile file has millions.
var zipLookalikes = []lookalike{
	{[]string{".iwa"}, "a Numbers spreadsheet", "in Numbers, choose File > Export To > CSV" + nameIt},
	{[]string{"application/vnd.oasis.opendocument.spreadsheet"}, "an OpenDocument spreadsheet", fromLibreOffice},
	// The type of this one is compressed, against the rules, or that of another document.
	{[]string{"content.xml"}, "an OpenDocument file", fromLibreOffice},
	{[]string{"xl/"}, "an Excel workbook", fromExcel},
	{[]string{""}, "a zip archive", "unpack it, and give the file that is in it"}, // any other
}

// looksLike says what data is instead of text, and what to do about it, or "". It repeats nothing
// of data.
func looksLike(data []byte) string {
	kinds, has := lookalikes, bytes.HasPrefix
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		kinds, has = zipLookalikes, bytes.Contains
	}
	for _, l := range kinds {
		if slices.ContainsFunc(l.marks, func(mark string) bool { return has(data, []byte(mark)) }) {
			return "the file is " + l.what + ": " + l.remedy
		}
	}
	return ""
}
