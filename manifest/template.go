package manifest

import "strings"

// placeholders are the names that ${…} knows in a certificate's file, in a password's file
// and in the name of a password's environment variable.
var placeholders = []string{"id", "app_name", "android_package"}

// checkTemplate reports whether s has placeholders, and what is wrong with them, or "". The
// problem names the unknown placeholder only when quote is set: s may be a secret.
func checkTemplate(s string, quote bool) (uses bool, problem string) {
	for {
		_, rest, found := strings.Cut(s, "${")
		if !found {
			return uses, ""
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return uses, "has a ${ without its }"
		}
		switch name {
		case "id", "app_name", "android_package":
			uses = true
		default:
			problem = "has an unknown placeholder"
			if quote && looksLikeKey(name) {
				problem += " ${" + name + "}"
			}
			if near := Suggest(name, placeholders); near != "" {
				return uses, problem + ", did you mean ${" + near + "}?"
			}
			return uses, problem + "; known are ${id}, ${app_name} and ${android_package}"
		}
		s = after
	}
}

// expand fills the placeholders of a template that checkTemplate found nothing wrong with.
func expand(s string, app *App) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		switch name {
		case "id":
			b.WriteString(app.ID)
		case "app_name":
			b.WriteString(app.AppName)
		case "android_package":
			b.WriteString(app.AndroidPackage)
		}
		s = after
	}
}
