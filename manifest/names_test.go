package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two names that look the same are the same, apart from what letters of several scripts share.
func TestHiddenCharacters(t *testing.T) {
	for _, r := range "\u00AD\u061C\u180E\u200B\u200E\u2028\u202E\u2060\u2063\u2066\u206F\u034F\u115F\u1160\u2800\u3164\uFEFF\uFFA0\uFFF9" {
		assert.Equal(t, fmt.Sprintf("contains the invisible character %U", r), checkText("a"+string(r)+"b", 10))
	}
	assert.Equal(t, "contains the control character U+0085", checkText("商\u0085城", 10))
	for _, name := range []string{"می\u200Cخواهم", "👩\u200D💻", "❤\uFE0F", "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", "商·城", "a\u00A0b"} {
		assert.Empty(t, checkText(name, 20), "%+q", name)
	}
}

func TestCheckPackage(t *testing.T) {
	for name, want := range map[string]string{
		"cn.example.shop":        "",
		strings.Repeat("商", 100): "has a character other than letters, digits, underscores and dots",
		strings.Repeat("a", 256): "is longer than 255 characters",
	} {
		assert.Equal(t, want, checkPackage(name))
	}
}

func TestInvisibleCharactersOfAPath(t *testing.T) {
	for _, r := range "\u200B\u00AD\t\u0085" {
		assert.Equal(t, "contains an invisible character", checkPath("a"+string(r)+"b"))
	}
}

func TestCheckEnv(t *testing.T) {
	for _, name := range []string{"A", "_", "P12_PASSWORD", "P_cn.example.shop", "P_my-app", "P_商城", "a1"} {
		assert.Empty(t, checkEnv(name), name)
	}
	for _, name := range []string{"", "1A", "A B", "A=B", "$A", "A!", "-A", "A\n", "A/B", string(make([]byte, 300))} {
		assert.NotEmpty(t, checkEnv(name), name)
	}
}

// One name in two Unicode forms is a duplicate. A name that only looks alike is another one.
func TestUnicodeFormsAreOneName(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	const text = "version: 1\napps:\n  - {app_name: \"Caf\u00e9\", android_package: cn.a}\n  - {id: \"Cafe\u0301\", app_name: B, android_package: cn.b}\n" +
		"  - {app_name: \"\u212bngstrom\", android_package: cn.c}\n  - {app_name: \"\u00c5ngstrom\", android_package: cn.d}\n  - {app_name: \"\uff21\", android_package: cn.e}\n  - {app_name: A, android_package: cn.f}\n"
	write(t, dir, "m.yaml", text)
	_, err := Load("m.yaml", Options{})
	requireErrors(t, err,
		"m.yaml:4:10: duplicate id \"Cafe\u0301\", the first is at m.yaml:3:5, where it has another Unicode form of the same characters",
		"m.yaml:6:16: duplicate id \"\u00c5ngstrom\" (app_name, since id is missing), the first is at m.yaml:5:5, where it has another Unicode form of the same characters")
	write(t, dir, "m.yaml", "version: 1\napps:\n  - {app_name: \"Cafe\u0301\", android_package: cn.a}\n")
	m, err := Load("m.yaml", Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"Cafe\u0301", "Cafe\u0301"}, []string{m.Apps[0].ID, m.Apps[0].AppName}, "names stay as they are written")
}
