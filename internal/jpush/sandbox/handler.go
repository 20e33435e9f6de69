package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"jpsync/internal/jpush"
)

// reply is an answer before it is written.
type reply struct {
	status      int
	code        int // of the API; 0: none
	contentType string
	body        []byte
}

// jsonReply encodes v as the documents show it: compact, without a line break.
func jsonReply(status, code int, v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	return reply{status, code, "application/json", body}
}

func textReply(status int) reply {
	return reply{status, 0, "text/plain; charset=utf-8", []byte(http.StatusText(status) + "\n")}
}

// synchronized is the answer to a delete and an upload.
var synchronized = jsonReply(http.StatusOK, 0, map[string]string{"success": "Synchronized success"})

// failure returns an API error with the message that the table has for its code.
func failure(code int) reply {
	row, _ := jpush.LookupCode(code)
	return errorReply(row.Status, code, row.Message)
}

func errorReply(status, code int, message string) reply {
	type detail struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	return jsonReply(status, code, map[string]detail{"error": {code, message}})
}

// answer executes a request.
func (s *Server) answer(r *http.Request, in incoming) reply {
	if in.op == "" {
		return textReply(http.StatusNotFound)
	}
	if in.op == jpush.OpVerify {
		return s.tags(r)
	}
	if r.Method != http.MethodPost {
		return failure(jpush.CodeOnlyPost)
	}
	if code := s.authorize(r); code != 0 {
		return failure(code)
	}
	if in.broken {
		return failure(jpush.CodeParamsInvalid)
	}
	switch in.op {
	case jpush.OpCreate:
		return s.create(in)
	case jpush.OpDelete:
		return s.remove(in.key)
	}
	return s.upload(in)
}

// authorize returns 0 or the code of what is wrong with the credentials.
func (s *Server) authorize(r *http.Request) int {
	encoded, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
	if !ok {
		return jpush.CodeAuthMalformed
	}
	pair, err := base64.StdEncoding.DecodeString(encoded)
	key, secret, ok := strings.Cut(string(pair), ":")
	switch {
	case err != nil || !ok:
		return jpush.CodeAuthMalformed
	case key != s.opts.DevKey:
		return jpush.CodeDevKeyUnknown
	case subtle.ConstantTimeCompare([]byte(secret), []byte(s.opts.DevSecret)) != 1:
		return jpush.CodeDevSecretWrong
	case s.opts.NotEnabled:
		return jpush.CodeNotEnabled
	}
	return 0
}

// tags answers the Device API's list of tags, for an app with its own key pair.
func (s *Server) tags(r *http.Request) reply {
	if r.Method != http.MethodGet {
		return textReply(http.StatusMethodNotAllowed)
	}
	key, secret, _ := r.BasicAuth()
	return s.change(func() (reply, error) {
		app := s.account.live(key)
		if app == nil || subtle.ConstantTimeCompare([]byte(secret), []byte(app.MasterSecret)) != 1 {
			return errorReply(http.StatusUnauthorized, 7004, "authentication failed"), nil
		}
		return jsonReply(http.StatusOK, 0, map[string][]string{"tags": {}}), nil
	})
}

// created has the fields in the order of the documents.
type created struct {
	AppKey         string `json:"app_key"`
	IsNew          bool   `json:"is_new_created"`
	AndroidPackage string `json:"android_package"`
	MasterSecret   string `json:"master_secret,omitempty"`
}

func (s *Server) create(in incoming) reply {
	if in.code != 0 {
		return failure(in.code)
	}
	return s.change(func() (reply, error) {
		app := s.account.find(in.app.Name, in.app.AndroidPackage)
		isNew := app == nil
		if isNew {
			app = &App{Name: in.app.Name, AndroidPackage: in.app.AndroidPackage, GroupName: in.app.GroupName}
			s.account.complete(app)
			if err := s.commit(*app); err != nil {
				return reply{}, err
			}
		}
		body := created{AppKey: app.AppKey, IsNew: isNew, AndroidPackage: app.AndroidPackage}
		if !s.opts.NoMasterSecret {
			body.MasterSecret = app.MasterSecret
		}
		return jsonReply(http.StatusOK, 0, body), nil
	})
}

func (s *Server) remove(key string) reply {
	return s.changeApp(key, func(app *App) int {
		app.Deleted = true
		return 0
	})
}

func (s *Server) upload(in incoming) reply {
	code := s.checkForm(in.form) // without the lock: opening a .p12 is slow
	return s.changeApp(in.key, func(app *App) int {
		if code == 0 && !app.addCertificates(in.form) {
			return jpush.CodeCertificateExists
		}
		return code
	})
}

// changeApp lets f change the app of a key. f returns 0 or the code of what is wrong.
func (s *Server) changeApp(key string, f func(*App) int) reply {
	return s.change(func() (reply, error) {
		known := s.account.live(key)
		if known == nil {
			return failure(jpush.CodeAppKeyInvalid), nil
		}
		app := known.clone()
		if code := f(&app); code != 0 {
			return failure(code), nil
		}
		return synchronized, s.commit(app)
	})
}

// change calls f within an update. An error of f is the server's own failure.
func (s *Server) change(f func() (reply, error)) (r reply) {
	err := s.update(func() (err error) {
		r, err = f()
		return err
	})
	if err != nil {
		return errorReply(http.StatusInternalServerError, jpush.CodeSystemError, err.Error())
	}
	return r
}

// checkForm returns 0 or the code of what is wrong with an upload.
func (s *Server) checkForm(f form) int {
	switch {
	case f.err != nil:
		return jpush.CodeParamsInvalid
	case len(f.files) == 0:
		return jpush.CodeNoCertificateFile
	}
	for env, file := range f.files {
		if s.checkCertificate(file.data, f.passwords[env]) != nil {
			return jpush.CodeCertificateInvalid
		}
	}
	return 0
}

// checkCertificate remembers its results, since many apps may share one certificate.
func (s *Server) checkCertificate(data []byte, password string) error {
	key := [2][sha256.Size]byte{sha256.Sum256(data), sha256.Sum256([]byte(password))}
	if known, ok := s.checked.Load(key); ok {
		err, _ := known.(error)
		return err
	}
	err := s.opts.CheckCertificate(data, password)
	s.checked.Store(key, err)
	return err
}

// addCertificates returns false if the app has all of the certificates already.
func (a *App) addCertificates(f form) bool {
	changed := false
	if a.Certificates == nil {
		a.Certificates = map[jpush.Environment]Certificate{}
	}
	for env, file := range f.files {
		sum := sha256.Sum256(file.data)
		c := Certificate{Filename: file.name, SHA256: hex.EncodeToString(sum[:]), Password: f.passwords[env], UploadedAt: time.Now().UTC()}
		if a.Certificates[env].SHA256 != c.SHA256 {
			a.Certificates[env] = c
			changed = true
		}
	}
	return changed
}
