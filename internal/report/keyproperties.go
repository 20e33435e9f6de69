package report

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// properties writes a Java properties file, which Gradle reads as gradle.properties or
// through java.util.Properties: shop.jpush.appKey and shop.jpush.packageName, and
// shop.jpush.masterSecret where it was asked for.
func properties(keys []Key) (string, error) {
	var b strings.Builder
	owner := make(map[string]string, len(keys))
	for _, k := range keys {
		prefix := asciiName(k)
		if other, taken := owner[prefix]; taken {
			return "", fmt.Errorf("%s and %s would both be the property %s.jpush.appKey: name one of them alone, or use --format json", other, k.ID, prefix)
		}
		owner[prefix] = k.ID
		prefix = escapeProperty(prefix, true) + ".jpush."
		b.WriteString(prefix + "appKey=" + escapeProperty(k.AppKey, false) + "\n")
		b.WriteString(prefix + "packageName=" + escapeProperty(k.AndroidPackage, false) + "\n")
		if k.MasterSecret != "" {
			b.WriteString(prefix + "masterSecret=" + escapeProperty(k.MasterSecret, false) + "\n")
		}
	}
	return b.String(), nil
}

// escapeProperty writes a key or a value so that java.util.Properties.load gives it back.
// Its rules: a backslash escapes; in a key, white space, = and : end it, # and ! at its
// start make it a comment; in a value, white space at the start is dropped; the file is
// Latin-1, so that other characters are UTF-16 units as \uXXXX.
func escapeProperty(s string, key bool) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\' || key && strings.ContainsRune(" =:#!", r) || r == ' ' && i == 0:
			b.WriteString(`\` + string(r))
		case r >= 0x20 && r < 0x7f:
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return b.String()
}
