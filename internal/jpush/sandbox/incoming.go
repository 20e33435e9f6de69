package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"

	"jpsync/internal/jpush"
)

const (
	prefix         = "/v1/"
	tagsPath       = "/v3/tags/" // of the Device API
	maxRequestBody = 8 << 20
)

// incoming is a decoded request.
type incoming struct {
	op     string
	key    string // of the app in the path
	body   []byte
	app    jpush.App // of a create; invalid fields are empty
	code   int       // what is wrong with a create's body; 0: nothing
	form   form
	broken bool // the body was too large or cut
}

// form is an upload's multipart body.
type form struct {
	files     map[jpush.Environment]file
	passwords map[jpush.Environment]string
	err       error
}

type file struct {
	name string
	data []byte
}

// androidPackage is the grammar of an application ID: segments that begin with a letter.
var androidPackage = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)

func (s *Server) read(w http.ResponseWriter, r *http.Request) incoming {
	var in incoming
	in.op, in.key = route(r)
	var err error
	in.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	in.broken = err != nil
	switch in.op {
	case jpush.OpCreate:
		in.app, in.code = s.readApp(in.body)
	case jpush.OpUpload:
		in.form = readForm(r.Header.Get("Content-Type"), in.body)
	}
	return in
}

// route returns the operation and app key of a path.
func route(r *http.Request) (op, key string) {
	if r.URL.Path == tagsPath {
		key, _, _ = r.BasicAuth()
		return jpush.OpVerify, key
	}
	path, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok {
		return "", ""
	}
	parts := strings.Split(path, "/")
	switch {
	case len(parts) == 1 && parts[0] == "app":
		return jpush.OpCreate, ""
	case len(parts) == 3 && parts[0] == "app" && parts[2] == "delete":
		return jpush.OpDelete, parts[1]
	case len(parts) == 3 && parts[0] == "app" && parts[2] == "certificate":
		return jpush.OpUpload, parts[1]
	}
	return "", ""
}

// readApp returns the app of a create's body, and 0 or the code of what is wrong with it.
func (s *Server) readApp(body []byte) (jpush.App, int) {
	if len(bytes.TrimSpace(body)) == 0 {
		return jpush.App{}, jpush.CodeParamsEmpty
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return jpush.App{}, jpush.CodeParamsInvalid
	}
	if len(fields) == 0 {
		return jpush.App{}, jpush.CodeParamsEmpty
	}
	app := jpush.App{Name: str(fields["app_name"]), AndroidPackage: str(fields["android_package"]), GroupName: str(fields["group_name"])}
	// Other clients send null where there is no group, and the service takes it.
	badGroup := s.opts.Strict && fields["group_name"] != nil && app.GroupName == ""
	if app.Name == "" || !androidPackage.MatchString(app.AndroidPackage) || badGroup {
		return app, jpush.CodeParamsInvalid
	}
	return app, 0
}

func readForm(contentType string, body []byte) form {
	f := form{files: map[jpush.Environment]file{}, passwords: map[jpush.Environment]string{}}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/form-data" {
		return f // another content type counts as a form without files
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return f
		}
		if err != nil {
			f.err = err
			return f
		}
		data, err := io.ReadAll(p)
		if err != nil {
			f.err = err
			return f
		}
		switch p.FormName() {
		case "devCertificateFile":
			f.files[jpush.Development] = file{p.FileName(), data}
		case "proCertificateFile":
			f.files[jpush.Production] = file{p.FileName(), data}
		case "devCertificatePassword":
			f.passwords[jpush.Development] = string(data)
		case "proCertificatePassword":
			f.passwords[jpush.Production] = string(data)
		}
	}
}

// target identifies the app, operation and environments, by which a fault counts.
func (in incoming) target() string {
	t := in.op + "\x00" + in.key + "\x00" + in.app.Name + "\x00" + in.app.AndroidPackage
	for _, env := range jpush.Environments {
		if _, ok := in.form.files[env]; ok {
			t += "\x00" + string(env)
		}
	}
	return t
}

// str returns the value of a JSON string, and "" for any other type.
func str(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
