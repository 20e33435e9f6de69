package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSuggest(t *testing.T) {
	for name, want := range map[string]string{
		"certificate":                "certificates",
		"certifcates":                "certificates",
		"certificates":               "certificates",
		"app_nmae":                   "app_name",
		"App_Name":                   "app_name",
		"app-name":                   "app_name",
		"android_pakage":             "android_package",
		"di":                         "id",
		"ix":                         "id",
		"xy":                         "",
		"":                           "",
		"bundle":                     "",
		"name":                       "",
		strings.Repeat("id", 10_000): "",
	} {
		assert.Equal(t, want, Suggest(name, appSpec.keys), "%.40s", name)
	}
	assert.Empty(t, Suggest("id", nil))
	assert.Equal(t, "ab", Suggest("a", []string{"ab", "ac"}), "the first of equals")
	assert.Equal(t, "ac", Suggest("ac", []string{"ab", "ac"}), "the nearest")
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1},
		{"abc", "axc", 1}, {"abc", "ab", 1}, {"abc", "abcd", 1}, {"kitten", "sitting", 3}, {"商城", "城商", 1},
	} {
		assert.Equal(t, test.want, distance([]rune(test.a), []rune(test.b)), "%s %s", test.a, test.b)
	}
}
