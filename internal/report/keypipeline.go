package report

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Masks writes the commands that make GitHub's log viewer hide the master secrets. They have
// to be out before a secret is. It writes nothing if there is none.
func Masks(w io.Writer, keys []Key) error {
	// The runner decodes these three in a command's data.
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	var b strings.Builder
	for _, k := range keys {
		if k.MasterSecret != "" {
			b.WriteString("::add-mask::" + data.Replace(k.MasterSecret) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// maxSecretBytes is what Kubernetes lets the data of one Secret take.
const maxSecretBytes = 1 << 20

// A Secret's name is a DNS subdomain, as RFC 1123 and the Kubernetes API have it.
var secretName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// CheckSecretName says why a text cannot name a Kubernetes Secret, or nil.
func CheckSecretName(name string) error {
	if name == "" {
		return errors.New("a Secret needs a name: --name")
	}
	if len(name) > 253 || !secretName.MatchString(name) {
		return fmt.Errorf("%q cannot name a Secret: it takes lower-case letters, digits, hyphens and dots, and begins and ends with a letter or a digit", name)
	}
	return nil
}

// KeysSecret writes the keys as the manifest of one Kubernetes Secret of that name. Its
// entries are named like environment variables, for envFrom. It fails on a name that is
// none, on variables that would share a name, and on more than the 1 MiB that a Secret takes.
func KeysSecret(w io.Writer, keys []Key, name string) error {
	if err := CheckSecretName(name); err != nil {
		return err
	}
	list, err := variables(keys)
	if err != nil {
		return err
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
		// In quotes, since base64 of nothing but digits would be a number.
		fmt.Fprintf(&b, "  %s: %q\n", v.name, base64.StdEncoding.EncodeToString([]byte(v.value)))
	}
	if size > maxSecretBytes {
		return fmt.Errorf("the keys of %s are more than the 1 MiB that one Secret takes: name fewer ids", count(len(keys), "app"))
	}
	_, err = io.WriteString(w, b.String())
	return err
}
