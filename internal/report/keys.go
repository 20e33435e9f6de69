package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// Key is what a release needs to know of one app.
type Key struct {
	ID             string `json:"-"`
	AppName        string `json:"app_name"`
	AndroidPackage string `json:"android_package"`
	AppKey         string `json:"app_key"`
	MasterSecret   string `json:"master_secret,omitempty"` // empty unless it was asked for
}

// KeyFormats are the formats of [Keys], besides that of a template, which is [TemplatePrefix] and
// the name of its file.
var KeyFormats = []string{"table", "json", "dotenv", "github", "gitlab", "gradle", "xcconfig", "k8s-secret"}

// TemplatePrefix begins the format of a template.
const TemplatePrefix = "template="

// KeyOptions is what single formats need.
type KeyOptions struct {
	Style      Style  // of a table
	SecretName string // of a Secret, see [CheckSecretName]
	Template   string // the text of a template
	Secrets    bool   // master secrets were asked for, which a template has to know
}

// Keys writes app keys in a format, all of them or nothing: a part would be taken for all. It
// fails if two ids would get the same name, or if the format cannot hold a value.
func Keys(w io.Writer, keys []Key, format string, o KeyOptions) error {
	var text string
	var err error
	switch format {
	case "table":
		return keysTable(w, keys, o.Style)
	case "json": // an object by id
		byID := make(map[string]Key, len(keys))
		for _, k := range keys {
			byID[k.ID] = k
		}
		return JSON(w, byID)
	case "dotenv", "gitlab": // lines that every reader of such files takes alike
		text, err = assignments(keys, "=", plain)
	case "github": // lines for the file that $GITHUB_OUTPUT names
		text, err = assignments(keys, "=", oneLine)
	case "gradle": // a .properties file
		text, err = properties(keys)
	case "xcconfig": // build settings
		text, err = assignments(keys, " = ", plain)
		for strings.Contains(text, "//") { // begins a comment
			text = strings.ReplaceAll(text, "//", "/$()/")
		}
	case "k8s-secret":
		text, err = kubernetesSecret(keys, o.SecretName)
	default:
		name, ok := strings.CutPrefix(format, TemplatePrefix)
		if !ok {
			return fmt.Errorf("there is no format %q for app keys", format)
		}
		text, err = fromTemplate(keys, name, o)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// keysTable writes app keys for people.
func keysTable(w io.Writer, keys []Key, st Style) error {
	rows := [][]string{{"ID", "APP NAME", "PACKAGE", "APP KEY"}}
	for _, k := range keys {
		row := []string{k.ID, k.AppName, k.AndroidPackage, k.AppKey}
		if k.MasterSecret != "" {
			row = append(row, k.MasterSecret)
			if len(rows[0]) == 4 {
				rows[0] = append(rows[0], "MASTER SECRET")
			}
		}
		rows = append(rows, row)
	}
	t := newText(w, st)
	t.table(rows, 1, 0, 2)
	return t.Flush()
}

// properties returns a Java properties file with shop.jpush.appKey, shop.jpush.packageName
// and, if it was asked for, shop.jpush.masterSecret.
func properties(keys []Key) (string, error) {
	if err := distinct(keys, func(k Key) string { return "property " + asciiName(k) + ".jpush.appKey" }); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, k := range keys {
		prefix := escapeProperty(asciiName(k), true) + ".jpush."
		b.WriteString(prefix + "appKey=" + escapeProperty(k.AppKey, false) + "\n")
		b.WriteString(prefix + "packageName=" + escapeProperty(k.AndroidPackage, false) + "\n")
		if k.MasterSecret != "" {
			b.WriteString(prefix + "masterSecret=" + escapeProperty(k.MasterSecret, false) + "\n")
		}
	}
	return b.String(), nil
}

// escapeProperty escapes a key or a value for java.util.Properties.load. White space, = and :
// end a key, # and ! at its start begin a comment, white space at the start of a value is
// dropped, and the file is Latin-1.
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

// distinct refuses two keys that would get the same name.
func distinct(keys []Key, nameOf func(Key) string) error {
	owner := make(map[string]string, len(keys))
	for _, k := range keys {
		name := nameOf(k)
		if other, ok := owner[name]; ok {
			return fmt.Errorf("%s and %s would both be the %s: name one of them alone, or use --format json", other, k.ID, name)
		}
		owner[name] = k.ID
	}
	return nil
}

// asciiName is the id. An id with other than ASCII characters would lose its meaning in a
// variable's name, so the package replaces it.
func asciiName(k Key) string {
	if strings.ContainsFunc(k.ID, func(r rune) bool { return r > 0x7f }) {
		return k.AndroidPackage
	}
	return k.ID
}
