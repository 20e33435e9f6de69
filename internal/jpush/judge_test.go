package jpush

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJudge(t *testing.T) {
	const ok, key = `{"success":"Synchronized success"}`, `{"app_key":"dc51b6829206b2736e7e6d63","is_new_created":true,"android_package":"cn.jpush.app"}`
	const html = "<html><body>502</body></html>"
	cases := []struct {
		name      string
		op        string
		status    int
		body      string
		err       error
		class     Class // 0: success
		code      int
		condition Condition
	}{
		{name: "create", op: OpCreate, status: 200, body: key},
		{name: "create with 201", op: OpCreate, status: 201, body: key},
		{name: "create, key only", op: OpCreate, status: 200, body: `{"app_key":"a"}`},
		{name: "delete", op: OpDelete, status: 200, body: ok},
		{name: "upload", op: OpUpload, status: 200, body: ok},
		{name: "success as a boolean", op: OpUpload, status: 200, body: `{"success":true}`},
		{name: "null error", op: OpUpload, status: 200, body: `{"error":null,"success":"ok"}`},
		{name: "code 0 is none", op: OpUpload, status: 200, body: `{"code":0,"success":"ok"}`},

		{name: "exists", op: OpUpload, status: 200, body: `{"error":{"code":1010,"message":"m"}}`, class: ClassConverged, code: 1010},
		{name: "exists makes no sense for a create", op: OpCreate, status: 200, body: `{"error":{"code":1010}}`, class: ClassApp, code: 1010},
		{name: "exists makes no sense for a delete", op: OpDelete, status: 200, body: `{"error":{"code":1010}}`, class: ClassApp, code: 1010},
		{name: "bad certificate", op: OpUpload, status: 200, body: `{"error":{"code":1012}}`, class: ClassApp, code: 1012},
		{name: "gone at delete", op: OpDelete, status: 200, body: `{"error":{"code":1013}}`, class: ClassGone, code: 1013},
		{name: "gone at upload", op: OpUpload, status: 200, body: `{"error":{"code":1013}}`, class: ClassGone, code: 1013},
		{name: "gone makes no sense for a create", op: OpCreate, status: 200, body: `{"error":{"code":1013}}`, class: ClassApp, code: 1013},
		{name: "no file", op: OpUpload, status: 200, body: `{"error":{"code":1014}}`, class: ClassApp, code: 1014},
		{name: "not deleted", op: OpDelete, status: 200, body: `{"error":{"code":1015}}`, class: ClassApp, code: 1015},
		{name: "code as text", op: OpUpload, status: 200, body: `{"error":{"code":"1012"}}`, class: ClassApp, code: 1012},
		{name: "flat", op: OpUpload, status: 200, body: `{"code":1012,"message":"m"}`, class: ClassApp, code: 1012},
		{name: "flat as text", op: OpUpload, status: 200, body: `{"code":" 1012 "}`, class: ClassApp, code: 1012},
		{name: "error beats success", op: OpCreate, status: 200, body: `{"app_key":"a","error":{"code":1012}}`, class: ClassApp, code: 1012},
		{name: "the code beats the status", op: OpDelete, status: 503, body: `{"error":{"code":1013}}`, class: ClassGone, code: 1013},
		{name: "unknown code, 200", op: OpCreate, status: 200, body: `{"error":{"code":7777}}`, class: ClassApp, code: 7777, condition: UnknownCode},
		{name: "unknown code, 400", op: OpCreate, status: 400, body: `{"error":{"code":7777}}`, class: ClassApp, code: 7777, condition: UnknownCode},
		{name: "unknown code, 404", op: OpCreate, status: 404, body: `{"error":{"code":7777}}`, class: ClassApp, code: 7777, condition: UnknownCode},
		{name: "unknown code, 403", op: OpCreate, status: 403, body: `{"error":{"code":7777}}`, class: ClassApp, code: 7777, condition: UnknownCode},
		{name: "unknown code, 500", op: OpCreate, status: 500, body: `{"error":{"code":7777}}`, class: ClassLost, code: 7777, condition: ServerError},
		{name: "unknown code, 429", op: OpCreate, status: 429, body: `{"error":{"code":7777}}`, class: ClassLost, code: 7777, condition: Busy},
		{name: "unknown code, 410", op: OpCreate, status: 410, body: `{"error":{"code":7777}}`, class: ClassStop, code: 7777, condition: Retired},
		{name: "empty", op: OpCreate, status: 400, body: `{"error":{"code":4002}}`, class: ClassApp, code: 4002},
		{name: "invalid", op: OpCreate, status: 400, body: `{"error":{"code":4003}}`, class: ClassApp, code: 4003},
		{name: "system", op: OpCreate, status: 500, body: `{"error":{"code":10}}`, class: ClassSystem, code: 10},
		{name: "system with 200", op: OpCreate, status: 200, body: `{"error":{"code":10}}`, class: ClassSystem, code: 10},
		{name: "quota", op: OpCreate, status: 429, body: `{"error":{"code":2001}}`, class: ClassLost, code: 2001},
		{name: "frequency", op: OpCreate, status: 400, body: `{"error":{"code":2002}}`, class: ClassLost, code: 2002},

		{name: "unknown key", op: OpCreate, status: 401, body: `{"error":{"code":4004}}`, class: ClassAuth, code: 4004},
		{name: "wrong secret", op: OpCreate, status: 401, body: `{"error":{"code":4005}}`, class: ClassAuth, code: 4005},
		{name: "malformed", op: OpCreate, status: 401, body: `{"error":{"code":4006}}`, class: ClassAuth, code: 4006},
		{name: "not enabled", op: OpCreate, status: 401, body: `{"error":{"code":4007}}`, class: ClassAuth, code: 4007},
		{name: "not enabled with 403", op: OpCreate, status: 403, body: `{"error":{"code":4007}}`, class: ClassAuth, code: 4007},
		{name: "401 with another code", op: OpDelete, status: 401, body: `{"error":{"code":1013}}`, class: ClassAuth, code: 1013, condition: Unauthorized},
		{name: "401 that claims success", op: OpCreate, status: 401, body: key, class: ClassAuth, condition: Unauthorized},
		{name: "401 page", op: OpCreate, status: 401, body: html, class: ClassAuth, condition: Unauthorized},
		{name: "401 cut", op: OpCreate, status: 401, err: io.ErrUnexpectedEOF, class: ClassAuth, condition: Unauthorized},

		{name: "only POST", op: OpCreate, status: 405, body: `{"error":{"code":4001}}`, class: ClassStop, code: 4001},
		{name: "405 page", op: OpCreate, status: 405, body: html, class: ClassStop, condition: WrongMethod},
		{name: "404 page", op: OpDelete, status: 404, body: html, class: ClassStop, condition: NotFound},
		{name: "403 page", op: OpCreate, status: 403, body: html, class: ClassStop, condition: Forbidden},
		{name: "410", op: OpCreate, status: 410, class: ClassStop, condition: Retired},
		{name: "301", op: OpCreate, status: 301, class: ClassStop, condition: Redirected},
		{name: "304", op: OpCreate, status: 304, class: ClassStop, condition: Redirected},
		{name: "307 with a code", op: OpDelete, status: 307, body: `{"error":{"code":1013}}`, class: ClassStop, condition: Redirected, code: 1013},
		{name: "400 page", op: OpCreate, status: 400, body: html, class: ClassApp, condition: Refused},
		{name: "413", op: OpUpload, status: 413, class: ClassApp, condition: Refused},

		{name: "408", op: OpCreate, status: 408, class: ClassLost, condition: SlowRequest},
		{name: "429", op: OpCreate, status: 429, body: html, class: ClassLost, condition: Busy},
		{name: "500 page", op: OpCreate, status: 500, body: html, class: ClassLost, condition: ServerError},
		{name: "502", op: OpCreate, status: 502, body: html, class: ClassLost, condition: ServerError},
		{name: "503", op: OpCreate, status: 503, class: ClassLost, condition: ServerError},
		{name: "504", op: OpCreate, status: 504, class: ClassLost, condition: ServerError},
		{name: "503 that claims success", op: OpCreate, status: 503, body: key, class: ClassLost, condition: ServerError},
		{name: "400 that claims success", op: OpCreate, status: 400, body: key, class: ClassApp, condition: Refused},
		{name: "599", op: OpCreate, status: 599, class: ClassLost, condition: ServerError},
		{name: "no HTTP status", op: OpCreate, status: 999, body: key, class: ClassLost, condition: ServerError},

		{name: "page", op: OpCreate, status: 200, body: html, class: ClassLost, condition: NotAnAnswer},
		{name: "nothing", op: OpCreate, status: 204, class: ClassLost, condition: NotAnAnswer},
		{name: "half", op: OpCreate, status: 200, body: key[:30], err: io.ErrUnexpectedEOF, class: ClassLost, condition: NotAnAnswer},
		{name: "half without a sign", op: OpCreate, status: 200, body: key[:30], class: ClassLost, condition: NotAnAnswer},
		{name: "whole, then cut", op: OpCreate, status: 200, body: key, err: io.ErrUnexpectedEOF, class: ClassLost, condition: NotAnAnswer},
		{name: "a code, then cut", op: OpDelete, status: 200, body: `{"error":{"code":1013}}`, err: io.ErrUnexpectedEOF, class: ClassLost, condition: NotAnAnswer},
		{name: "empty object", op: OpCreate, status: 200, body: `{}`, class: ClassLost, condition: NotAnAnswer},
		{name: "empty key", op: OpCreate, status: 200, body: `{"app_key":"","success":""}`, class: ClassLost, condition: NotAnAnswer},
		{name: "success without a key", op: OpCreate, status: 200, body: ok, class: ClassLost, condition: NotAnAnswer},
		{name: "key without success", op: OpDelete, status: 200, body: key, class: ClassLost, condition: NotAnAnswer},
		{name: "success false", op: OpDelete, status: 200, body: `{"success":false}`, class: ClassLost, condition: NotAnAnswer},
		{name: "key as a number", op: OpCreate, status: 200, body: `{"app_key":5}`, class: ClassLost, condition: NotAnAnswer},
		{name: "list", op: OpCreate, status: 200, body: `[` + key + `]`, class: ClassLost, condition: NotAnAnswer},
		{name: "two objects", op: OpCreate, status: 200, body: key + key, class: ClassLost, condition: NotAnAnswer},
		{name: "error without a code", op: OpCreate, status: 200, body: `{"app_key":"a","error":"upstream"}`, class: ClassLost, condition: NotAnAnswer},
		{name: "tags", op: OpVerify, status: 200, body: `{"tags":["a"]}`},
		{name: "no tags", op: OpVerify, status: 200, body: `{"tags":[]}`},
		{name: "tags that are null", op: OpVerify, status: 200, body: `{"tags":null}`, class: ClassLost, condition: NotAnAnswer},
		{name: "tags that are no list", op: OpVerify, status: 200, body: `{"tags":"[]"}`, class: ClassLost, condition: NotAnAnswer},
		{name: "no list of tags", op: OpVerify, status: 200, body: ok, class: ClassLost, condition: NotAnAnswer},
		{name: "a list alone", op: OpVerify, status: 200, body: `[]`, class: ClassLost, condition: NotAnAnswer},
		{name: "tags, then cut", op: OpVerify, status: 200, body: `{"tags":[]}`, err: io.ErrUnexpectedEOF, class: ClassLost, condition: NotAnAnswer},
		{name: "tags beside an error", op: OpVerify, status: 200, body: `{"tags":[],"error":{"code":7000}}`, class: ClassApp, code: 7000, condition: UnknownCode},
		{name: "pair refused", op: OpVerify, status: 401, body: `{"error":{"code":7004}}`, class: ClassApp, condition: PairRefused},
		{name: "pair refused with a code of the Admin API", op: OpVerify, status: 401, body: `{"error":{"code":4004}}`, class: ClassApp, condition: PairRefused},
		{name: "pair refused without a body", op: OpVerify, status: 401, err: io.ErrUnexpectedEOF, class: ClassApp, condition: PairRefused},
		{name: "a code of the Admin API's stops no other pair", op: OpVerify, status: 403, body: `{"error":{"code":4007}}`, class: ClassApp, code: 4007},
		{name: "no Device API", op: OpVerify, status: 404, body: html, class: ClassStop, condition: NoDeviceAPI},
		{name: "a Device API that takes no GET", op: OpVerify, status: 405, class: ClassStop, condition: NoDeviceAPI},
		{name: "an error of the Device API's with 404", op: OpVerify, status: 404, body: `{"error":{"code":7016}}`, class: ClassApp, code: 7016, condition: UnknownCode},
		{name: "busy Device API", op: OpVerify, status: 429, body: `{"error":{"code":7015}}`, class: ClassLost, code: 7015, condition: Busy},
		{name: "Device API fails", op: OpVerify, status: 500, body: `{"error":{"code":7000}}`, class: ClassLost, code: 7000, condition: ServerError},

		{name: "error with a word for a code", op: OpCreate, status: 200, body: `{"error":{"code":"E_BAD"},"app_key":"a"}`, class: ClassLost, condition: NotAnAnswer},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			a, e := judge(tc.op, response{status: tc.status, header: http.Header{}, body: []byte(tc.body), err: tc.err}, time.Now())
			if tc.class == "" {
				require.Nil(t, e)
				assert.True(t, a.succeeded(tc.op))
				return
			}
			require.NotNil(t, e)
			assert.Equal(t, tc.class, e.Class)
			assert.Equal(t, tc.code, e.Code)
			assert.Equal(t, tc.condition, e.Condition)
			assert.Equal(t, tc.status, e.Status)
			assert.True(t, e.Sent)
			assert.Equal(t, tc.class == ClassLost && !e.Busy(), e.OutcomeUnknown())
			if tc.err != nil && tc.class == ClassLost {
				assert.ErrorIs(t, e, tc.err)
			}
		})
	}
}

func TestCreatedReadsWhatItCan(t *testing.T) {
	cases := []struct {
		body string
		want Created
	}{
		{`{"app_key":"k","is_new_created":true,"android_package":"p","master_secret":"m"}`, Created{"k", "m", true}},
		{`{"app_key":"k","is_new_created":"true"}`, Created{"k", "", true}},
		{`{"app_key":"k","is_new_created":1}`, Created{"k", "", true}},
		{`{"app_key":"k","is_new_created":null}`, Created{"k", "", false}},
		{`{"app_key":"k"}`, Created{"k", "", false}},
		{`{"app_key":"k","master_secret":"` + strings.Repeat("\xff", 1<<10) + `"}`, Created{"k", "", false}},
		{`{"app_key":"k","is_new_created":{},"master_secret":[1],"android_package":null}`, Created{"k", "", false}},
	}
	for _, tc := range cases {
		a, ok := parseBody([]byte(tc.body))
		require.True(t, ok, tc.body)
		got, err := (&Client{}).created(call{op: OpCreate}, App{AndroidPackage: "p"}, a)
		require.NoError(t, err, tc.body)
		assert.Equal(t, tc.want, got, tc.body)
	}
}

func TestErrorText(t *testing.T) {
	e := &Error{Op: OpUpload, Target: "production certificate of app k", Status: 200, Code: 1012, Message: "certificate invalid", Class: ClassApp, Sent: true}
	const remedy = "check the .p12: its password, environment, bundle ID and expiry, and that it holds its private key"
	assert.Equal(t, "upload production certificate of app k: the certificate is invalid (code 1012); "+remedy, e.Error())
	e.Message = "expired"
	assert.Equal(t, `the certificate is invalid (code 1012) (the server says "expired")`, e.Outcome())
	assert.Equal(t, "too many requests (HTTP 429)", (&Error{Condition: Busy, Status: 429, Sent: true}).Outcome())

	e = &Error{Op: OpCreate, Target: "app a.b", Condition: LostAnswer, Class: ClassLost, Sent: true, Err: io.EOF}
	assert.Contains(t, e.Error(), "create app a.b: the answer was lost: EOF; check the network")
	assert.True(t, errors.Is(e, io.EOF))
	assert.True(t, e.OutcomeUnknown())
	e.Sent = false
	assert.False(t, e.OutcomeUnknown())

	assert.Equal(t, UnknownCode, (&Error{Code: 31337, Status: 200}).Entry().Condition)
	assert.Equal(t, LostAnswer, (&Error{}).Entry().Condition)
	assert.Equal(t, Busy, (&Error{Status: 429}).Entry().Condition)
	assert.Equal(t, 1013, (&Error{Status: 200, Code: 1013}).Entry().Code)
}

// FuzzJudge feeds answers of every kind to the rules: no panic, no success without what a
// success is made of, nothing but one line in a message, and no contradiction in an error.
func FuzzJudge(f *testing.F) {
	f.Add(200, `{"app_key":"k"}`, "", false)
	f.Add(200, `{"error":{"code":"1013","message":"\u001b[31m"}}`, "3", false)
	f.Add(401, `<html>`, "Wed, 21 Oct 2015 07:28:00 GMT", true)
	f.Add(500, `{"code":10}`, "-1", false)
	f.Add(307, ``, "99999999999999999999", false)
	f.Fuzz(func(t *testing.T, status int, body, after string, cut bool) {
		for _, op := range []string{OpCreate, OpUpload, OpDelete, OpProbe, OpVerify} {
			r := response{status: status, header: http.Header{"Retry-After": {after}}, location: after, body: []byte(body)}
			if cut {
				r.err = io.ErrUnexpectedEOF
			}
			a, e := judge(op, r, time.Unix(1e9, 0))
			if e == nil {
				if status < 200 || status > 299 || cut || a.hasError() {
					t.Fatalf("success from status %d, cut %v, body %q", status, cut, body)
				}
				if op == OpCreate && text(a.AppKey) == "" {
					t.Fatalf("created without a key from %q", body)
				}
				continue
			}
			e = (&Client{devKey: "k", devSecret: "s3cret-s3cret"}).fail(call{op: op, target: "app x"}, e)
			if !slices.Contains([]Class{ClassApp, ClassConverged, ClassGone, ClassSystem, ClassLost, ClassAuth, ClassStop}, e.Class) {
				t.Fatalf("class %q", e.Class)
			}
			if op == OpVerify && (e.Class == ClassAuth || (status == 401) != (e.Condition == PairRefused)) {
				t.Fatalf("status %d is %s of class %s", status, e.Condition, e.Class)
			}
			if op != OpVerify && (status == 401) != (e.Condition == Unauthorized || e.Class == ClassAuth) && e.Class != ClassAuth {
				t.Fatalf("status 401 is class %v", e.Class)
			}
			if e.RetryAfter < 0 || e.RetryAfter > maxRetryAfter {
				t.Fatalf("retry after %v", e.RetryAfter)
			}
			if s := e.Error(); s != printable(s) {
				t.Fatalf("unprintable error %q", s)
			}
		}
	})
}
