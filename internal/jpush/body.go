package jpush

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// appJSON has the fields in the order of the API's documents.
type appJSON struct {
	Name           string `json:"app_name"`
	AndroidPackage string `json:"android_package"`
	GroupName      string `json:"group_name,omitempty"`
}

// encodeApp writes names as they are: an & stays an &, and no line break follows.
func encodeApp(a App) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(appJSON(a)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// partPrefixes begins the names of the two multipart fields of an environment.
var partPrefixes = map[Environment]string{Development: "dev", Production: "pro"}

// encodeCertificate writes the file, then its password, also an empty one.
func encodeCertificate(c Certificate) (body []byte, contentType string, err error) {
	prefix, ok := partPrefixes[c.Environment]
	if !ok {
		return nil, "", fmt.Errorf("there is no environment %q", c.Environment)
	}
	var b bytes.Buffer
	b.Grow(len(c.Data) + len(c.Password) + 1024)
	w := multipart.NewWriter(&b)
	file, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="%sCertificateFile"; filename="%s"`,
			prefix, escapeQuotes(baseName(c.Filename)))},
		"Content-Type": {"application/octet-stream"},
	})
	if err != nil {
		return nil, "", err
	}
	if _, err := file.Write(c.Data); err != nil {
		return nil, "", err
	}
	if err := w.WriteField(prefix+"CertificatePassword", c.Password); err != nil {
		return nil, "", err
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return b.Bytes(), w.FormDataContentType(), nil
}

// baseName cuts at both systems' separators: the path may come from another system than ours.
func baseName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "" || name == "." || name == ".." {
		return "certificate.p12"
	}
	return name
}

// escapeQuotes is what browsers do to a file name in a form (WHATWG HTML, multipart/form-data).
func escapeQuotes(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `%22`, "\r", "%0D", "\n", "%0A").Replace(s)
}
