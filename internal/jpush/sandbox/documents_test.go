package sandbox_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

// form makes a multipart body of name and content pairs; names that end in File are files.
func form(t *testing.T, pairs ...string) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		var err error
		if strings.HasSuffix(pairs[i], "File") {
			part, ferr := w.CreateFormFile(pairs[i], "a.p12")
			require.NoError(t, ferr)
			_, err = part.Write([]byte(pairs[i+1]))
		} else {
			err = w.WriteField(pairs[i], pairs[i+1])
		}
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), b.String()
}

// TestDocuments asks what the API's documents describe, and what they leave to be guessed,
// and compares status and body to the byte.
func TestDocuments(t *testing.T) {
	good := string(p12()(7, "geheim"))
	other := string(p12()(8, ""))
	const invalid = `{"error":{"code":4003,"message":"params invalid"}}`
	const empty = `{"error":{"code":4002,"message":"params empty"}}`
	const noFile = `{"error":{"code":1014,"message":"no certificate file"}}`
	const badFile = `{"error":{"code":1012,"message":"certificate invalid"}}`
	const noApp = `{"error":{"code":1013,"message":"appkey invalid"}}`
	const done = `{"success":"Synchronized success"}`
	cases := []struct {
		name        string
		strict      bool
		method      string // POST
		path        string
		auth        string // key:secret of the sandbox; "-": none
		header      string // the Authorization header itself
		contentType string
		body        string
		form        []string
		status      int
		want        string
	}{
		{name: "create", path: "app", body: `{"app_name":"myapp","android_package":"cn.jpush.app","group_name":"groupOne"}`, status: 200,
			want: `{"app_key":"KEY","is_new_created":true,"android_package":"cn.jpush.app","master_secret":"SECRET"}`},
		{name: "fields that nobody knows", path: "app", body: `{"app_name":"myapp","android_package":"cn.jpush.app","x":[1]}`, status: 200,
			want: `{"app_key":"KEY","is_new_created":true,"android_package":"cn.jpush.app","master_secret":"SECRET"}`},
		{name: "delete", path: "app/ffbb0932c267d938941e470b/delete", status: 200, want: done},
		{name: "delete nothing", path: "app/unknown/delete", status: 200, want: noApp},
		{name: "delete a deleted one", path: "app/gone/delete", status: 200, want: noApp},
		{name: "upload dev", path: "app/ffbb0932c267d938941e470b/certificate", form: []string{"devCertificatePassword", "geheim", "devCertificateFile", good}, status: 200, want: done},
		{name: "upload pro", path: "app/ffbb0932c267d938941e470b/certificate", form: []string{"proCertificateFile", good, "proCertificatePassword", "geheim"}, status: 200, want: done},
		{name: "upload both", path: "app/ffbb0932c267d938941e470b/certificate", form: []string{"proCertificateFile", good, "proCertificatePassword", "geheim", "devCertificateFile", other}, status: 200, want: done},
		{name: "upload to a deleted one", path: "app/gone/certificate", form: []string{"devCertificateFile", other}, status: 200, want: noApp},
		{name: "wrong password", path: "app/ffbb0932c267d938941e470b/certificate", form: []string{"devCertificateFile", good, "devCertificatePassword", "x"}, status: 200, want: badFile},
		{name: "the other slot's password", path: "app/ffbb0932c267d938941e470b/certificate", form: []string{"devCertificateFile", good, "proCertificatePassword", "geheim"}, status: 200, want: badFile},
		{name: "no p12", path: "app/ffbb0932c267d938941e470b/certificate", form: []string{"devCertificateFile", "-----BEGIN CERTIFICATE-----"}, status: 200, want: badFile},
		{name: "no file", path: "app/ffbb0932c267d938941e470b/certificate", form: []string{"devCertificatePassword", "geheim"}, status: 200, want: noFile},
		{name: "no form", path: "app/ffbb0932c267d938941e470b/certificate", body: good, contentType: "application/octet-stream", status: 200, want: noFile},
		{name: "cut form", path: "app/ffbb0932c267d938941e470b/certificate", body: "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb", contentType: "multipart/form-data; boundary=x", status: 400, want: invalid},
		{name: "empty body", path: "app", status: 400, want: empty},
		{name: "empty object", path: "app", body: `{}`, status: 400, want: empty},
		{name: "null", path: "app", body: `null`, status: 400, want: invalid},
		{name: "no JSON", path: "app", body: `app_name=x`, status: 400, want: invalid},
		{name: "no name", path: "app", body: `{"android_package":"a.b"}`, status: 400, want: invalid},
		{name: "empty name", path: "app", body: `{"app_name":"","android_package":"a.b"}`, status: 400, want: invalid},
		{name: "no package", path: "app", body: `{"app_name":"a"}`, status: 400, want: invalid},
		{name: "number for a name", path: "app", body: `{"app_name":1,"android_package":"a.b"}`, status: 400, want: invalid},
		{name: "null group", strict: true, path: "app", body: `{"app_name":"a","android_package":"a.b","group_name":null}`, status: 400, want: invalid},
		{name: "empty group", strict: true, path: "app", body: `{"app_name":"a","android_package":"a.b","group_name":""}`, status: 400, want: invalid},
		{name: "one segment", path: "app", body: `{"app_name":"a","android_package":"shop"}`, status: 400, want: invalid},
		{name: "a segment that begins with a digit", path: "app", body: `{"app_name":"a","android_package":"cn.1shop"}`, status: 400, want: invalid},
		{name: "a space in the package", path: "app", body: `{"app_name":"a","android_package":"bad package"}`, status: 400, want: invalid},
		{name: "too much", path: "app", body: `{"app_name":"` + strings.Repeat("a", 9<<20) + `"}`, status: 400, want: invalid},
		{name: "GET", method: "GET", path: "app", status: 405, want: `{"error":{"code":4001,"message":"only support POST"}}`},
		{name: "PUT", method: "PUT", path: "app/x/delete", status: 405, want: `{"error":{"code":4001,"message":"only support POST"}}`},
		{name: "unknown key", path: "app", auth: "x:" + sandbox.DevSecret, status: 401, want: `{"error":{"code":4004,"message":"dev_key not exist"}}`},
		{name: "wrong secret", path: "app", auth: sandbox.DevKey + ":x", status: 401, want: `{"error":{"code":4005,"message":"dev_secret error"}}`},
		{name: "no credentials", path: "app", auth: "-", status: 401, want: `{"error":{"code":4006,"message":"authorization invalid"}}`},
		{name: "no base64", path: "app", header: "Basic %", status: 401, want: `{"error":{"code":4006,"message":"authorization invalid"}}`},
		{name: "no colon", path: "app", header: "Basic YQ==", status: 401, want: `{"error":{"code":4006,"message":"authorization invalid"}}`},
		{name: "bearer", path: "app", header: "Bearer x", status: 401, want: `{"error":{"code":4006,"message":"authorization invalid"}}`},
		{name: "elsewhere", path: "apps", status: 404, want: "Not Found\n"},
		{name: "list", path: "app/x", status: 404, want: "Not Found\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, sandbox.Options{Seed: 1, Strict: tc.strict})
			require.NoError(t, s.Preload(
				sandbox.App{AppKey: "ffbb0932c267d938941e470b", Name: "a", AndroidPackage: "b"},
				sandbox.App{AppKey: "gone", Name: "c", AndroidPackage: "d", Deleted: true}))
			if tc.method == "" {
				tc.method = http.MethodPost
			}
			if tc.form != nil {
				tc.contentType, tc.body = form(t, tc.form...)
			}
			r := httptest.NewRequest(tc.method, "/v1/"+tc.path, strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.contentType)
			key, secret, _ := strings.Cut(tc.auth, ":")
			switch {
			case tc.header != "":
				r.Header.Set("Authorization", tc.header)
			case tc.auth == "":
				r.SetBasicAuth(sandbox.DevKey, sandbox.DevSecret)
			case tc.auth != "-":
				r.SetBasicAuth(key, secret)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			want := tc.want
			for _, app := range s.Apps() {
				if app.AndroidPackage == "cn.jpush.app" {
					want = strings.NewReplacer("KEY", app.AppKey, "SECRET", app.MasterSecret).Replace(want)
				}
			}
			assert.Equal(t, want, w.Body.String())
			assert.Equal(t, tc.status, w.Code)
			if tc.status != 404 {
				assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
			}
			assert.Equal(t, w.Code, s.Requests()[0].Status)
		})
	}
	t.Run("not enabled", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/v1/app", nil)
		r.SetBasicAuth("k", "s")
		w := httptest.NewRecorder()
		newServer(t, sandbox.Options{DevKey: "k", DevSecret: "s", NotEnabled: true}).ServeHTTP(w, r)
		assert.Equal(t, `{"error":{"code":4007,"message":"no permission"}}`, w.Body.String())
		assert.Equal(t, 401, w.Code)
	})
}
