package report

import (
	"fmt"
	"strings"
)

// variable is one value of an app under the name that a build knows it by.
type variable struct {
	id    string // whose it is
	name  string // JPUSH_APP_KEY_SHOP
	value string
}

// variables names the app keys and master secrets of all apps. It fails when two apps would
// share a name.
func variables(keys []Key) ([]variable, error) {
	list := make([]variable, 0, len(keys))
	owner := make(map[string]string, len(keys))
	for _, k := range keys {
		suffix := VariableName(k)
		if other, taken := owner[suffix]; taken {
			return nil, fmt.Errorf("%s and %s would both be the variable JPUSH_APP_KEY_%s: name one of them alone, or use --format json", other, k.ID, suffix)
		}
		owner[suffix] = k.ID
		list = append(list, variable{k.ID, "JPUSH_APP_KEY_" + suffix, k.AppKey})
		if k.MasterSecret != "" {
			list = append(list, variable{k.ID, "JPUSH_MASTER_SECRET_" + suffix, k.MasterSecret})
		}
	}
	return list, nil
}

// assignments writes one line for each variable. accepts says which values the format can
// hold as they are; escape, if there is one, is applied to those.
func assignments(keys []Key, accepts func(string) bool, equals string, escape func(string) string) (string, error) {
	list, err := variables(keys)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, v := range list {
		if !accepts(v.value) {
			return "", fmt.Errorf("%s of %s has characters that mean something to those who read this format: use --format json", v.name, v.id)
		}
		if escape != nil {
			v.value = escape(v.value)
		}
		b.WriteString(v.name + equals + v.value + "\n")
	}
	return b.String(), nil
}

// VariableName is what stands for an app in the names of environment variables: the id in
// upper case, with an underscore for what a variable cannot have. An id that has more than
// ASCII would lose its meaning, so the package stands for it.
func VariableName(k Key) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, asciiName(k))
}

// asciiName is the id, or the package where the id has more than ASCII.
func asciiName(k Key) string {
	if strings.IndexFunc(k.ID, func(r rune) bool { return r > 0x7f }) >= 0 {
		return k.AndroidPackage
	}
	return k.ID
}

// plain reports whether a value is the same to every reader of a dotenv file: they differ
// in quotes, comments, expansion and line ends, and a server's answer must not set variables
// of its own.
func plain(value string) bool {
	return strings.IndexFunc(value, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/+=", r))
	}) < 0
}

// oneLine accepts what a reader that takes a line literally cannot misread.
func oneLine(value string) bool {
	return strings.IndexFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' }) < 0
}

// xcconfigValue keeps two slashes from beginning a comment, by an expansion of nothing
// between them. A plain value has nothing else that Xcode would act on.
func xcconfigValue(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if i > 0 && value[i] == '/' && value[i-1] == '/' {
			b.WriteString("$()")
		}
		b.WriteByte(value[i])
	}
	return b.String()
}
