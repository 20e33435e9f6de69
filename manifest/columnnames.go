package manifest

import (
	"slices"
	"strings"

	"jpsync/internal/jpush"
)

// otherNames are what columns are called elsewhere.
var otherNames = map[string]string{
	"name": "app_name", "app": "app_name", "appname": "app_name", "应用名称": "app_name", "应用名": "app_name", "名称": "app_name",
	"package": "android_package", "package_name": "android_package", "packagename": "android_package",
	"application_id": "android_package", "android": "android_package", "包名": "android_package", "应用包名": "android_package",
	"group": "group_name", "分组": "group_name",
	"bundle": "bundle_id",
}

// unknownColumn says what is wrong with a column's name. It repeats the name only if it is near
// a column's, or sure says that its line names columns: else it may be anything. near is the
// column that is meant, empty when nothing helps but the list of them.
func unknownColumn(name string, sure bool) (message, near string) {
	if bare := strings.TrimSpace(name); bare != name && isColumn(bare) {
		return "unknown column: there are blanks around its name", bare
	}
	message = "unknown column"
	near = suggestColumn(name)
	if (sure || near != "") && looksLikeKey(strings.ReplaceAll(name, ".", "_")) {
		message += " \"" + name + "\""
	}
	if near != "" {
		return message + ", did you mean \"" + near + "\"?", near
	}
	if aboutSecret(name) {
		env, _ := certificateColumn(name)
		if env == "" {
			env = jpush.Production
		}
		near = "certificates." + string(env) + ".password_env"
		return message + ": a CSV file has no secrets in it, name an environment variable under " + near +
			" or a file under certificates." + string(env) + ".password_file", near
	}
	return message, ""
}

// suggestColumn returns the column that a name is most likely a slip of, or "".
func suggestColumn(name string) string {
	lower := strings.ToLower(strings.TrimSpace(name))
	if known, ok := otherNames[strings.NewReplacer(" ", "_", "-", "_").Replace(lower)]; ok {
		return known
	}
	if what, key, _ := strings.Cut(name, "."); strings.EqualFold(what, "label") || strings.EqualFold(what, "labels") {
		if checkLabelKey(key) == "" {
			return "labels." + key
		}
	}
	if env, part := certificateColumn(lower); part != "" {
		return "certificates." + string(env) + "." + part
	}
	if aboutSecret(name) {
		return ""
	}
	return Suggest(name, Columns)
}

func aboutSecret(name string) bool {
	lower := strings.ToLower(name)
	return strings.Contains(lower, "password") || strings.Contains(lower, "secret") || strings.Contains(name, "密码")
}

// certificateColumn tells of which environment a column is by its name, and what of the
// certificate, as far as it is clear.
func certificateColumn(name string) (env jpush.Environment, part string) {
	if len(name) > maxSuggest {
		return "", ""
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("._- ", r) })
	named := len(words) > 0 && (words[0] == "cert" || Suggest(words[0], []string{"certificates", "certs"}) != "")
	if named {
		words = words[1:]
	}
	if len(words) == 0 {
		return "", ""
	}
	for _, e := range jpush.Environments {
		if len(words[0]) > 2 && strings.HasPrefix(string(e), words[0]) || Suggest(words[0], []string{string(e)}) != "" {
			env = e
		}
	}
	if env == "" {
		return "", ""
	}
	switch rest := strings.Join(words[1:], "_"); {
	case rest == "" && named, rest == "p12", rest == "path":
		return env, "file"
	case rest == "env":
		return env, "password_env"
	case aboutSecret(rest) && Suggest(words[len(words)-1], []string{"env", "file"}) == "":
		return env, "" // it is the password itself
	default:
		return env, Suggest(rest, []string{"file", "password_env", "password_file"})
	}
}

// isSlip reports whether a cell is so near the name of a column that every file has to have, or
// is id in other letters, that its line is meant to name the columns.
func isSlip(c cell) bool {
	near := suggestColumn(c.text)
	return near == "app_name" || near == "android_package" || strings.EqualFold(strings.TrimSpace(c.text), "id")
}

// otherSeparator finds what separates names of columns within a cell, "" for nothing. The key
// of a label may have it.
func otherSeparator(text string) string {
	known := func(name string) bool { return isColumn(strings.ToLower(strings.TrimSpace(name))) }
	for _, by := range []string{"|", "，", "；", "、"} {
		names := strings.SplitN(text, by, maxColumns)
		if slices.ContainsFunc(names[1:], known) || len(names) > 1 && known(names[0]) && !isColumn(text) {
			return by
		}
	}
	return ""
}
