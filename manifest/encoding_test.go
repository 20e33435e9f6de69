package manifest

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
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
		text:                                 "apps.csv:1:1: the file is UTF-8, not GB18030: leave encoding out",
		"\uFEFFapp_name,android_package\n":   "apps.csv:1:1: the file is UTF-8, not GB18030: leave encoding out",
		encoded + "\xd5\xcb,cn\n\xff,cn.b\n": "apps.csv:4:1: the file is not valid GB18030 from here on",
	} {
		write(t, dir, "apps.csv", text)
		_, err = Load("m.yaml", Options{})
		requireErrors(t, err, want)
	}
}

// A byte that got lost or changed in the middle of UTF-8 is not taken for another encoding.
func TestAStrayByteIsNoGB18030(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", fromCSV)
	head, row := "app_name,android_package\n", "商城北京,cn.example.shop\n"
	for text, want := range map[string]string{
		head + row + "账\xd5\xcb,cn.b\n":   `apps.csv:3:2: the file is not valid UTF-8 from here on: save it as "CSV UTF-8"`,
		"\uFEFF" + head + "\xd5\xcb,cn\n": `apps.csv:2:1: the file is not valid UTF-8 from here on: save it as "CSV UTF-8"`,
		head + "\xd5\xcb,cn\n":            `apps.csv:2:1: the file is not UTF-8 from here on, perhaps it is GB18030: write "encoding: gb18030" beside csv and look at the names in the plan, or save it as "CSV UTF-8"`,
	} {
		write(t, dir, "apps.csv", text)
		_, err := Load("m.yaml", Options{})
		requireErrors(t, err, want)
	}
	write(t, dir, "apps.csv", head+"\xd5\xcb,cn\n")
	_, _, err := Convert("apps.csv", dir, ConvertOptions{})
	requireErrors(t, err, `apps.csv:2:1: the file is not UTF-8 from here on, perhaps it is GB18030: say so with --encoding gb18030 and look at the names in the plan, or save it as "CSV UTF-8"`)
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
		_, _, problem := decodeCSV([]byte(head+text+",cn.a\n"), GB18030, "")
		assert.Equal(t, "the file is UTF-8, not GB18030: leave encoding out", problem, "%.40s", text)
	}
	// The last ones are valid UTF-8 in GB18030.
	for _, text := range []string{"商城", "商城·北京", "喆", "刘喆淼", "A商B", "ショップ", "🎉店", "張學友", "联通", "茅台", "璐绘画", "茅台,x\n璐绘画"} {
		got, _, problem := decodeCSV(inGB18030(t, head+text+",cn.a\n"), GB18030, "")
		assert.Empty(t, problem, text)
		assert.Equal(t, head+text+",cn.a\n", got)
	}
	// Words of GB 2312 at random: of its 3755 usual characters none is refused, of all of them,
	// most of which nobody uses, next to none.
	random := rand.New(rand.NewPCG(1, 2))
	for rows, atMost := range map[int]int{0xD8 - 0xB0: 0, 0xF8 - 0xB0: 10} {
		valid, refused := 0, 0
		for range 200_000 {
			var word []byte
			for range 1 + random.IntN(4) {
				word = append(word, byte(0xB0+random.IntN(rows)), byte(0xA1+random.IntN(94)))
			}
			if utf8.Valid(word) {
				valid++
			}
			if readsBetterAsUTF8(word) {
				refused++
			}
		}
		assert.Greater(t, valid, 5_000)
		assert.LessOrEqual(t, refused, atMost)
	}
}

// The encoding is guessed by what Chinese is written with, and not by one pair of bytes.
func TestWhatIsPerhapsGB18030(t *testing.T) {
	for _, text := range []string{"商城", "店", "鑫鑫", "刘喆", "商城·北京", "QQ音乐", "A股B", "商城🎉", "（新）商城"} {
		assert.True(t, likelyGB18030(inGB18030(t, text+",cn.a\n")), text)
	}
	for what, text := range map[string]string{
		"Latin-1":    "Caf\xe9s,Cr\xe8me br\xfbl\xe9e,Se\xf1or,\xfcber\n",
		"one letter": "Caf\xe9s\n",
		"Shift-JIS":  "\x83\x56\x83\x87\x83\x62\x83\x76\n", // ショップ
		"at its end": "Caf\xe9,x\n",
	} {
		assert.False(t, likelyGB18030([]byte(text)), what)
	}
}
