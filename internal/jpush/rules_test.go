package jpush

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	seen := map[any]bool{}
	for _, row := range Entries() {
		var key any = row.Code
		if row.Code == 0 {
			key = row.Condition
		}
		assert.NotEqual(t, row.Code == 0, row.Condition == "", "a row has a code or a condition: %v", key)
		assert.False(t, seen[key], "%v stands twice", key)
		seen[key] = true
		assert.NotEmpty(t, row.Class, key)
		for _, text := range []Text{row.Meaning, row.Remedy} {
			assert.NotEmpty(t, text.EN, key)
			assert.NotEmpty(t, text.ZH, key)
			assert.False(t, strings.HasSuffix(text.EN, "."), key)
		}
	}
	documented := map[int]int{10: 500, 1010: 200, 1012: 200, 1013: 200, 1014: 200, 1015: 200, 4001: 405, 4002: 400, 4003: 400,
		4004: 401, 4005: 401, 4006: 401, 4007: 401, 2001: 429, 2002: 429}
	for code, status := range documented {
		row, ok := LookupCode(code)
		assert.True(t, ok, code)
		assert.Equal(t, status, row.Status, code)
	}
	_, ok := LookupCode(0)
	assert.False(t, ok)
	_, ok = LookupCondition("")
	assert.False(t, ok)
}

func TestNormalizeEndpoint(t *testing.T) {
	good := map[string]string{
		"https://admin.jpush.cn/v1/":     DefaultEndpoint,
		"https://admin.jpush.cn/v1":      DefaultEndpoint,
		"https://admin.jpush.cn":         DefaultEndpoint,
		"https://admin.jpush.cn/":        DefaultEndpoint,
		" HTTPS://Admin.JPush.CN:443/ ":  DefaultEndpoint,
		"https://gw.example:8443/jp/v2":  "https://gw.example:8443/jp/v2/",
		"https://gw.example/a%2Fb":       "https://gw.example/a%2Fb/",
		"http://127.0.0.1:8080":          "http://127.0.0.1:8080/v1/",
		"http://127.9.9.9":               "http://127.9.9.9/v1/",
		"http://[::1]:80/":               "http://[::1]/v1/",
		"http://localhost/x":             "http://localhost/x/",
		"http://sandbox.localhost/v1/":   "http://sandbox.localhost/v1/",
		"https://[2001:db8::1]:443/v1/":  "https://[2001:db8::1]/v1/",
		"http://[::ffff:127.0.0.1]:9/v1": "http://[::ffff:127.0.0.1]:9/v1/",
	}
	for in, want := range good {
		got, err := NormalizeEndpoint(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got)
		again, err := NormalizeEndpoint(got)
		require.NoError(t, err, in)
		assert.Equal(t, got, again, "the normal form is its own")
	}
	bad := map[string]string{
		"":                            "no host",
		"admin.jpush.cn/v1":           "no host",
		"https://":                    "no host",
		"https:admin.jpush.cn":        "no host",
		"ftp://admin.jpush.cn":        "use https",
		"http://admin.jpush.cn/v1/":   "in the clear",
		"http://10.0.0.1/":            "in the clear",
		"http://127.0.0.1.nip.io/":    "in the clear",
		"http://localhost.example/":   "in the clear",
		"http://notlocalhost/":        "in the clear",
		"http://128.0.0.1/":           "in the clear",
		"https://u:CANARY@host/":      "user information",
		"https://u:CANARY@ho st/":     "not a URL",
		"https://host/?q=CANARY":      "query",
		"https://host/?":              "query",
		"https://host/#CANARY":        "fragment",
		"https://host/#":              "fragment",
		"https://host:0/":             "ports go",
		"https://host:65536/":         "ports go",
		"https://host:/":              "no port",
		"https://host:port/":          "not a URL",
		"https://host/%zz":            "not a URL",
		"https://host/\x00":           "not a URL",
		"http://[fe80::1%25eth0]/v1/": "in the clear",
	}
	for in, want := range bad {
		_, err := NormalizeEndpoint(in)
		require.ErrorContains(t, err, want, in)
		assert.NotContains(t, err.Error(), "CANARY")
	}
}

func FuzzNormalizeEndpoint(f *testing.F) {
	for _, s := range []string{DefaultEndpoint, "http://[::1]:8080", "https://u:p@h/", "http://a.localhost./", "https://h/%2e%2e/?#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := NormalizeEndpoint(s)
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q gives %q: %v", s, got, err)
		}
		if u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, "/") {
			t.Fatalf("%q gives %q", s, got)
		}
		if u.Scheme != "https" && !isLoopback(u.Hostname()) {
			t.Fatalf("%q gives plain http to %q", s, u.Hostname())
		}
		again, err := NormalizeEndpoint(got)
		if err != nil || again != got {
			t.Fatalf("%q gives %q gives %q, %v", s, got, again, err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	cases := []struct {
		after, reset string
		status       int
		want         time.Duration
	}{
		{"", "", 429, 0},
		{"7", "", 429, 7 * time.Second},
		{" 7 ", "", 503, 7 * time.Second},
		{"0", "9", 429, 0},
		{"-7", "", 429, 0},
		{"301", "", 429, 5 * time.Minute},
		{"99999999999999999999999", "", 429, 5 * time.Minute},
		{"-99999999999999999999999", "", 429, 0},
		{"9223372036854775807", "", 429, 5 * time.Minute},
		{"Wed, 02 Jan 2030 03:04:15 GMT", "", 503, 10 * time.Second},
		{"Wed, 02 Jan 2030 03:03:00 GMT", "", 503, 0},
		{"Wed, 02 Jan 2999 03:03:00 GMT", "", 503, 5 * time.Minute},
		{"soon", "", 429, 0},
		{"soon", "4", 429, 4 * time.Second},
		{"", "4", 429, 4 * time.Second},
		{"", "4", 503, 0},
		{"", "1893553445", 429, 5 * time.Minute},
		{"", "x", 429, 0},
		{"1.5", "", 429, 0},
	}
	for _, tc := range cases {
		h := http.Header{}
		h.Set("Retry-After", tc.after)
		h.Set("X-Rate-Limit-Reset", tc.reset)
		assert.Equal(t, tc.want, retryAfter(h, tc.status, now), "%+v", tc)
	}
}

func TestCleaner(t *testing.T) {
	const secret = "p ä+/\"s=s&w<rd"
	shapes := map[string]string{
		"raw":         secret,
		"base64":      base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 bare": base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"base64 url":  base64.URLEncoding.EncodeToString([]byte(secret)),
		"query":       url.QueryEscape(secret),
		"query lower": lowerEscapes(url.QueryEscape(secret)),
		"path":        url.PathEscape(secret),
		"html":        "p ä+/&#34;s=s&amp;w&lt;rd",
		"quoted":      `p ä+/\"s=s&w<rd`,
	}
	c := newCleaner(secret, "")
	for name, shape := range shapes {
		assert.Equal(t, "before [secret] after", c.text("before "+shape+" after", maxMessage), name)
		err := c.err(errors.New("echo: " + shape))
		assert.Equal(t, "echo: [secret]", err.Error(), name)
	}
	assert.Equal(t, "a b c", c.text(" a\nb\r\x00\x1b\u202ec\u0085 ", maxMessage)[:5])
	assert.Equal(t, "red", c.text("\x1bre\u200bd\u202e", maxMessage))
	assert.Equal(t, "before [secret]", c.text("before p\x00 ä+/\"s=s&w<rd", maxMessage), "hidden behind a control character")
	assert.Equal(t, strings.Repeat("长", 200)+"…", c.text(strings.Repeat("长", 300), maxMessage))
	// The cut comes last, so that no half of a secret stays.
	assert.NotContains(t, c.text(strings.Repeat("x", 195)+secret, maxMessage), "p ä")

	assert.Equal(t, withheld, newCleaner("abc").text("the password abc is wrong", maxMessage))
	assert.Equal(t, "tea", newCleaner("e", "a").text("tea", maxMessage), "a letter in a word tells nothing")
	hidden := newCleaner("closed").err(fmt.Errorf("closed: %w", context.Canceled))
	assert.Equal(t, "[secret]: context canceled", hidden.Error())
	assert.ErrorIs(t, hidden, context.Canceled)
	assert.Equal(t, "[secret]: context canceled", fmt.Sprintf("%+v", hidden))
	assert.Equal(t, "fine", newCleaner("abc", "").text("fine", maxMessage))
	assert.ErrorIs(t, c.err(io.EOF), io.EOF)
	assert.NoError(t, c.err(nil))
}

func TestEncodeApp(t *testing.T) {
	for want, app := range map[string]App{
		`{"app_name":"商城 & <Co>","android_package":"cn.a","group_name":"g"}`: {"商城 & <Co>", "cn.a", "g"},
		`{"app_name":"a\"\\","android_package":"cn.a"}`:                      {`a"\`, "cn.a", ""},
	} {
		got, err := encodeApp(app)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

func TestBaseName(t *testing.T) {
	for in, want := range map[string]string{
		"prod.p12": "prod.p12", "certs/prod.p12": "prod.p12", `C:\certs\prod.p12`: "prod.p12", "/a/b/": "certificate.p12",
		"": "certificate.p12", "a/..": "certificate.p12", "证书.p12": "证书.p12",
	} {
		assert.Equal(t, want, baseName(in), in)
	}
}

func TestValidKey(t *testing.T) {
	for key, want := range map[string]bool{
		"dc51b6829206b2736e7e6d63": true, "A-Z_09": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "a/b": false, "..": false, "é": false, "a\n": false,
	} {
		assert.Equal(t, want, ValidAppKey(key), "%q", key)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	cases := map[string]Options{
		"dev_key is empty":              {DevSecret: "s"},
		"dev_secret is empty":           {DevKey: "k"},
		"dev_secret contains a control": {DevKey: "k", DevSecret: "CANARY\n"},
		"dev_key contains a control":    {DevKey: "CANARY\r", DevSecret: "s"},
		"contains a colon":              {DevKey: "CANARY:k", DevSecret: "s"},
		"plain http":                    {Endpoint: "http://example.com", DevKey: "k", DevSecret: "s"},
	}
	for want, o := range cases {
		_, err := New(o)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "CANARY")
	}
}
