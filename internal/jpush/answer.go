package jpush

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// answer is a response body as far as it could be read. Every field is raw, so that an
// odd type in one of them does not take the others along: an app key must not get lost
// over a boolean that came as a string.
type answer struct {
	AppKey         json.RawMessage `json:"app_key"`
	MasterSecret   json.RawMessage `json:"master_secret"`
	AndroidPackage json.RawMessage `json:"android_package"`
	IsNew          json.RawMessage `json:"is_new_created"`
	Success        json.RawMessage `json:"success"`
	Error          json.RawMessage `json:"error"`
	Code           json.RawMessage `json:"code"`
	Message        json.RawMessage `json:"message"`
}

// parseAnswer reports whether the body is a JSON object.
func parseAnswer(body []byte) (answer, bool) {
	var a answer
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return answer{}, false
	}
	if err := json.Unmarshal(trimmed, &a); err != nil {
		return answer{}, false
	}
	return a, true
}

// apiError returns the code and message of an API error: an object under "error", or both
// at the top.
func (a answer) apiError() (code int, message string, ok bool) {
	if !absent(a.Error) {
		var nested struct {
			Code    json.RawMessage `json:"code"`
			Message json.RawMessage `json:"message"`
		}
		if json.Unmarshal(a.Error, &nested) == nil {
			if code, ok = number(nested.Code); ok {
				return code, text(nested.Message), true
			}
		}
	}
	if code, ok = number(a.Code); ok {
		return code, text(a.Message), true
	}
	return 0, "", false
}

// hasError reports whether the body says that something went wrong, readably or not.
func (a answer) hasError() bool {
	_, _, ok := a.apiError()
	return ok || !absent(a.Error)
}

// succeeded reports whether "success" says so: a text that is not empty, or true.
func (a answer) succeeded() bool {
	return text(a.Success) != "" || string(a.Success) == "true"
}

// created is the answer to a create. An is_new_created that is missing or unreadable
// counts as false, the careful reading: the app may be somebody else's.
func (a answer) created() Created {
	isNew, _ := strconv.ParseBool(strings.Trim(string(a.IsNew), `"`))
	return Created{
		AppKey:         text(a.AppKey),
		MasterSecret:   text(a.MasterSecret),
		AndroidPackage: text(a.AndroidPackage),
		IsNew:          isNew,
	}
}

// number reads an API code, a JSON number or a numeric string. 0 is none: it is what APIs
// without an error to tell send.
func number(raw json.RawMessage) (int, bool) {
	if absent(raw) {
		return 0, false
	}
	s := string(raw)
	if unquoted := text(raw); unquoted != "" {
		s = strings.TrimSpace(unquoted)
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n != 0
}

// text returns a JSON string's value, and nothing for any other type.
func text(raw json.RawMessage) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	// What has no escape in it and is plain ASCII, as every key is, stands for itself.
	if inner := raw[1 : len(raw)-1]; plain(inner) {
		return string(inner)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// plain reports whether the inside of a JSON string is its value.
func plain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// validKey reports whether an app key from an answer can be recorded: 24 hexadecimal
// digits in the API's documents, and we leave room around that.
func validKey(key string) bool {
	if len(key) < 1 || len(key) > 128 {
		return false
	}
	for _, c := range []byte(key) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
