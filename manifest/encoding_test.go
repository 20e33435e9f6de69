package manifest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

func TestGB18030(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", "version: 1\napps_from: {csv: apps.csv, encoding: gb18030}\n")
	text := "app_name,android_package,labels.地区\n商城𠀀,cn.example.shop,北京\n"
	encoded, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	require.NoError(t, err)
	write(t, dir, "apps.csv", encoded)
	m, err := Load("m.yaml", Options{})
	require.NoError(t, err)
	assert.Equal(t, "商城𠀀", m.Apps[0].AppName)
	assert.Equal(t, map[string]string{"地区": "北京"}, m.Apps[0].Labels)

	write(t, dir, "apps.csv", "\x84\x31\x95\x33"+encoded) // GB18030's own byte order mark
	marked, err := Load("m.yaml", Options{})
	require.NoError(t, err)
	assert.Equal(t, m.Apps[0].AppName, marked.Apps[0].AppName)

	for text, want := range map[string]string{
		text:                                 "apps.csv:1:1: the file is UTF-8, not GB18030: remove encoding",
		"\uFEFFapp_name,android_package\n":   "apps.csv:1:1: the file is UTF-8, not GB18030: remove encoding",
		encoded + "\xd5\xcb,cn\n\xff,cn.b\n": "apps.csv:4:1: invalid GB18030",
	} {
		write(t, dir, "apps.csv", text)
		_, err = Load("m.yaml", Options{})
		requireErrors(t, err, want)
	}
}

// The first byte that is not UTF-8 is reported, with what to do if the file is GB18030.
func TestInvalidUTF8(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	head, row := "app_name,android_package\n", "商城北京,cn.example.shop\n"
	for text, want := range map[string]string{
		head + row + "账\xd5\xcb,cn.b\n":   `apps.csv:3:2: invalid UTF-8: save the file as "CSV UTF-8", or write "encoding: gb18030" beside csv if it is GB18030`,
		"\uFEFF" + head + "\xd5\xcb,cn\n": `apps.csv:2:1: invalid UTF-8: save the file as "CSV UTF-8", or write "encoding: gb18030" beside csv if it is GB18030`,
		head + "\xd5\xcb,cn\n":            `apps.csv:2:1: invalid UTF-8: save the file as "CSV UTF-8", or write "encoding: gb18030" beside csv if it is GB18030`,
	} {
		write(t, dir, "apps.csv", text)
		_, err := Load("m.yaml", Options{})
		requireErrors(t, err, want)
	}
}

// inGB18030 is a text in that encoding.
func inGB18030(t *testing.T, text string) []byte {
	t.Helper()
	encoded, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(text))
	require.NoError(t, err)
	return encoded
}

// A file that is announced as GB18030 is refused when it is UTF-8, however short it is and
// whatever else stands in it, and never when it is GB18030.
func TestUTF8IsNoGB18030(t *testing.T) {
	const head = "app_name,android_package\n"
	for _, text := range []string{
		"商城", "商城·北京", "é商城", "Café 商城,cn.a\nМагазин", "喆", "喆喆", "珺喆淼", "商", "A商B商", "ショップ", "상점", "🎉", "（新）", "商城🎉1",
		"商城—北京", "\u2014", "商城 1\n" + strings.Repeat("é,x\n", 20_000),
	} {
		_, problem, _ := decodeCSV([]byte(head+text+",cn.a\n"), gb18030Encoding)
		assert.Equal(t, "the file is UTF-8, not GB18030: remove encoding", problem, "%.40s", text)
	}
	// "联通" in GB18030 is valid UTF-8.
	for _, text := range []string{"商城", "商城·北京", "喆", "刘喆淼", "A商B", "ショップ", "🎉店", "張學友", "联通", "茅台"} {
		got, problem, _ := decodeCSV(inGB18030(t, head+text+",cn.a\n"), gb18030Encoding)
		assert.Empty(t, problem, text)
		assert.Equal(t, head+text+",cn.a\n", got)
	}
}

// Excel's "Unicode Text" is UTF-16 with tabs. Its byte order mark says so, whatever the manifest does.
func TestUTF16(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, order := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
		for _, comma := range []string{"\t", ",", ";"} {
			for _, encoding := range []string{"utf-8", "gb18030"} {
				text := strings.ReplaceAll("id|app_name|android_package|labels.地区\r\nshop|\"商城, 𠀀\"|cn.example.shop|北京\r\n", "|", comma)
				encoded, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(text)
				require.NoError(t, err)
				write(t, dir, "m.yaml", "version: 1\napps_from: {csv: apps.txt, encoding: "+encoding+"}\n")
				write(t, dir, "apps.txt", encoded)
				m, err := Load("m.yaml", Options{})
				require.NoError(t, err)
				assert.Equal(t, "商城, 𠀀", m.Apps[0].AppName)
				assert.Equal(t, map[string]string{"地区": "北京"}, m.Apps[0].Labels)
				assert.Equal(t, Position{"apps.txt", 2, 1}, m.Apps[0].Pos)
			}
		}
	}
	for text, want := range map[string]string{
		"\xff\xfea\x00,\x00\n\x00b\x00\x00\xd8c\x00": `apps.txt:2:2: invalid UTF-16: save the file as "CSV UTF-8"`, // half a character
		"\xff\xfea\x00b":                `apps.txt:1:2: invalid UTF-16: save the file as "CSV UTF-8"`,
		"\xff\xfe\x00\x00a\x00\x00\x00": `apps.txt:1:1: the file is binary, or UTF-16 without a byte order mark: save it as "CSV UTF-8"`, // UTF-32
		"a\x00,\x00b\x00":               `apps.txt:1:1: the file is binary, or UTF-16 without a byte order mark: save it as "CSV UTF-8"`,
	} {
		write(t, dir, "apps.txt", text)
		_, err := Load("m.yaml", Options{})
		requireErrors(t, err, want)
	}
}

// What is not UTF-8 takes several times its size when it is decoded.
func TestALargeFileIsNotDecoded(t *testing.T) {
	const wish = `, the most in UTF-16 and GB18030: save it as "CSV UTF-8"`
	foreign := bytes.Repeat([]byte{0x80}, maxForeignBytes+1)
	_, problem, at := decodeCSV(foreign, gb18030Encoding)
	assert.Equal(t, "the file is larger than 64 MiB"+wish, problem)
	assert.Equal(t, Position{Line: 1, Column: 1}, at)
	copy(foreign, "\xff\xfe")
	_, problem, _ = decodeCSV(foreign, utf8Encoding)
	assert.Equal(t, "the file is larger than 64 MiB"+wish, problem)
	_, problem, _ = decodeCSV(bytes.Repeat([]byte("a"), maxForeignBytes+1), utf8Encoding)
	assert.Empty(t, problem)
}
