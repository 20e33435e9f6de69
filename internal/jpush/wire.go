package jpush

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"strconv"
	"strings"
)

// encodeApp returns the body of a create. The fields have the order of the API's documents,
// and names are written as they are, with no escapes for HTML.
func encodeApp(a App) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Name           string `json:"app_name"`
		AndroidPackage string `json:"android_package"`
		GroupName      string `json:"group_name,omitempty"`
	}(a))
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// partPrefixes start the names of an environment's two multipart fields.
var partPrefixes = map[Environment]string{Development: "dev", Production: "pro"}

// encodeCertificate returns the multipart body of an upload: the file, then its password,
// which is written even if it is empty.
func encodeCertificate(c Certificate) (body []byte, contentType string, err error) {
	prefix, ok := partPrefixes[c.Environment]
	if !ok {
		return nil, "", fmt.Errorf("unknown environment %q", c.Environment)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	file, err := w.CreateFormFile(prefix+"CertificateFile", baseName(c.Filename))
	if err == nil {
		_, err = file.Write(c.Data)
	}
	err = errors.Join(err, w.WriteField(prefix+"CertificatePassword", c.Password), w.Close())
	return b.Bytes(), w.FormDataContentType(), err
}

// baseName cuts at the separators of Unix and Windows: the path may come from either.
func baseName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "" || name == "." || name == ".." {
		return "certificate.p12"
	}
	return name
}

// answer is a decoded response body. Its fields are raw, so that an unexpected type in one
// of them does not lose the others: an app key must survive a boolean sent as a string.
type answer struct {
	AppKey         json.RawMessage `json:"app_key"`
	MasterSecret   json.RawMessage `json:"master_secret"`
	AndroidPackage json.RawMessage `json:"android_package"`
	IsNew          json.RawMessage `json:"is_new_created"`
	Success        json.RawMessage `json:"success"`
	Tags           json.RawMessage `json:"tags"`
	Error          json.RawMessage `json:"error"`
	Code           json.RawMessage `json:"code"`
	Message        json.RawMessage `json:"message"`
}

// parseAnswer reports whether the body is a JSON object.
func parseAnswer(body []byte) (answer, bool) {
	var a answer
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) || json.Unmarshal(body, &a) != nil {
		return answer{}, false
	}
	return a, true
}

// apiError returns the code and message of an API error, which are nested in "error" or
// stand at the top.
func (a answer) apiError() (code int, message string, ok bool) {
	var nested struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	if !absent(a.Error) && json.Unmarshal(a.Error, &nested) == nil {
		if code, ok = number(nested.Code); ok {
			return code, text(nested.Message), true
		}
	}
	code, ok = number(a.Code)
	return code, text(a.Message), ok
}

// hasError reports whether the answer contains an error, known or not.
func (a answer) hasError() bool {
	_, _, ok := a.apiError()
	return ok || !absent(a.Error)
}

// succeeded reports whether the answer has the field that a success of op has: an app_key, a
// list of tags, or else a "success" that is true or a text.
func (a answer) succeeded(op string) bool {
	switch op {
	case OpCreate, OpProbe:
		return text(a.AppKey) != ""
	case OpVerify:
		return bytes.HasPrefix(a.Tags, []byte("["))
	}
	return text(a.Success) != "" || string(a.Success) == "true"
}

// created returns the answer to a create. An is_new_created that is missing or has another
// type counts as false, which is the safe side: the app may be somebody else's.
func (a answer) created() Created {
	isNew, _ := strconv.ParseBool(strings.Trim(string(a.IsNew), `"`))
	return Created{
		AppKey:         text(a.AppKey),
		MasterSecret:   text(a.MasterSecret),
		AndroidPackage: text(a.AndroidPackage),
		IsNew:          isNew,
	}
}

// number returns an API code, which is a JSON number or a numeric string. 0 means no error.
func number(raw json.RawMessage) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(strings.Trim(string(raw), `"`)))
	return n, err == nil && n != 0
}

// text returns the value of a JSON string, and "" for any other type.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// ValidAppKey reports whether an app key can be recorded. The API's documents show 24
// hexadecimal digits; this accepts any 1 to 128 letters, digits, - and _.
func ValidAppKey(key string) bool {
	const valid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return len(key) >= 1 && len(key) <= 128 && strings.TrimLeft(key, valid) == ""
}
