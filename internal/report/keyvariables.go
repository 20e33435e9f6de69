package report

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// variable is an app key or a master secret under the name of an environment variable.
type variable struct {
	id    string // of the app
	name  string // JPUSH_APP_KEY_SHOP
	value string
}

// variables names all keys and secrets. It fails if two apps would share a name.
func variables(keys []Key) ([]variable, error) {
	err := distinct(keys, func(k Key) string { return "variable JPUSH_APP_KEY_" + variableName(k) })
	if err != nil {
		return nil, err
	}
	list := make([]variable, 0, len(keys))
	for _, k := range keys {
		suffix := variableName(k)
		list = append(list, variable{k.ID, "JPUSH_APP_KEY_" + suffix, k.AppKey})
		if k.MasterSecret != "" {
			list = append(list, variable{k.ID, "JPUSH_MASTER_SECRET_" + suffix, k.MasterSecret})
		}
	}
	return list, nil
}

// variableName is the app's part of a variable's name: upper case, with an underscore for
// every character that a variable cannot have.
func variableName(k Key) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(asciiName(k)))
}

// assignments returns a line for each variable. accepts reports whether the format can hold a
// value.
func assignments(keys []Key, equals string, accepts func(string) bool) (string, error) {
	list, err := variables(keys)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, v := range list {
		if !accepts(v.value) {
			return "", fmt.Errorf("%s of %s has characters that are special in this format: use --format json", v.name, v.id)
		}
		b.WriteString(v.name + equals + v.value + "\n")
	}
	return b.String(), nil
}

// plain reports whether every reader of dotenv files reads the value alike. They differ in
// quotes, comments, expansion and line ends.
func plain(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/+=", r))
	})
}

// oneLine reports whether a reader of whole lines reads the value as it is.
func oneLine(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' })
}

// maxSecretBytes is the limit of Kubernetes for the data of a Secret.
const maxSecretBytes = 1 << 20

// secretName matches a DNS subdomain (RFC 1123), as Kubernetes requires.
var secretName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// CheckSecretName returns an error if name cannot be the name of a Kubernetes Secret.
func CheckSecretName(name string) error {
	if name == "" {
		return errors.New("a Secret needs a name: --name")
	}
	if len(name) > 253 || !secretName.MatchString(name) {
		return fmt.Errorf("%q cannot name a Secret: it takes lower-case letters, digits, hyphens and dots, and begins and ends with a letter or a digit", name)
	}
	return nil
}

// kubernetesSecret returns the manifest of a Kubernetes Secret, whose entries are named like
// environment variables, for envFrom. It fails if the keys exceed 1 MiB.
func kubernetesSecret(keys []Key, name string) (string, error) {
	list, err := variables(keys)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: %q\n  labels:\n    app.kubernetes.io/managed-by: jpsync\ntype: Opaque\ndata:", name)
	if len(list) == 0 {
		b.WriteString(" {}")
	}
	b.WriteByte('\n')
	size := 0
	for _, v := range list {
		size += len(v.value)
		// Quoted, since YAML reads digits alone as a number.
		fmt.Fprintf(&b, "  %s: %q\n", v.name, base64.StdEncoding.EncodeToString([]byte(v.value)))
	}
	if size > maxSecretBytes {
		return "", fmt.Errorf("the keys of %s exceed the 1 MiB that a Secret can hold: name fewer ids", Plural(len(keys), "app"))
	}
	return b.String(), nil
}
