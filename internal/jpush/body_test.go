package jpush

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
	assert.Equal(t, `a%22b\\c%0D%0A`, escapeQuotes("a\"b\\c\r\n"))
}
