package s3

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func none(string) string { return "" }

func TestAddresses(t *testing.T) {
	for location, want := range map[string]string{
		"s3://release/jpsync":                                            "https://release.s3.us-east-1.amazonaws.com/jpsync/log/1",
		"s3://release/jpsync?region=eu-central-1":                        "https://release.s3.eu-central-1.amazonaws.com/jpsync/log/1",
		"s3://release/jpsync?region=cn-north-1":                          "https://release.s3.cn-north-1.amazonaws.com.cn/jpsync/log/1",
		"s3://release":                                                   "https://release.s3.us-east-1.amazonaws.com/log/1",
		"s3://re.lease/a/b/":                                             "https://s3.us-east-1.amazonaws.com/re.lease/a/b/log/1",
		"s3://release/a%20b/商城":                                          "https://release.s3.us-east-1.amazonaws.com/a%20b/%E5%95%86%E5%9F%8E/log/1",
		"s3://release/jpsync?path_style=true":                            "https://s3.us-east-1.amazonaws.com/release/jpsync/log/1",
		"s3://release/p?endpoint=https://minio.example:9000":             "https://minio.example:9000/release/p/log/1",
		"s3://release/p?endpoint=minio.example&path_style=false":         "https://release.minio.example/p/log/1",
		"s3://release/p?endpoint=http://127.0.0.1:9000":                  "http://127.0.0.1:9000/release/p/log/1",
		"s3://release/p?endpoint=https://oss-cn-hangzhou.aliyuncs.com":   "https://release.oss-cn-hangzhou.aliyuncs.com/p/log/1",
		"s3://release-1/p?endpoint=https://cos.ap-beijing.myqcloud.com/": "https://release-1.cos.ap-beijing.myqcloud.com/p/log/1",
	} {
		l, err := Parse(location, none)
		require.NoError(t, err, location)
		require.Equal(t, location, l.String())
		require.Equal(t, want, New(l).url("log/1").String(), location)
	}
	l, err := Parse("s3://release/p", func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL_S3": "https://r2.example", "AWS_REGION": "auto"}[name]
	})
	require.NoError(t, err)
	require.Equal(t, "https://r2.example/release/", New(l).url("").String(), "of the bucket")
	require.Equal(t, "auto", l.Region)
}

func TestLocationsThatAreRefused(t *testing.T) {
	const secret = "wJalrXUtnFEMI"
	for location, want := range map[string]string{
		"s3://AKIA:" + secret + "@release/p":                           "take it out",
		"s3://" + secret + "@release/p":                                "take it out",
		"s3://AKIA:" + secret + "/x@release/p":                         "of the form",
		"s3://AKIA:123/" + secret + "@release/p":                       "invalid bucket name",
		"s3://release/p?secret_access_key=" + secret:                   "credentials come from the environment",
		"s3://release/p?endpoint=https://AKIA:" + secret + "@host.com": "take it out",
		"s3://release/p?" + secret + "=1":                              "unknown parameter",
		"s3://release/p?path_style=" + secret:                          "true or false",
		"s3://release/p?endpoint=" + secret + "://host":                "use https",
		"s3://release/p?region=%zz" + secret:                           "parameters",
		"s3://release/p#" + secret:                                     "has a #",
		"s3://release/p?endpoint=http://minio.example":                 "use https",
		"s3://release/p?endpoint=http://127.0.0.1.example.com":         "use https",
		"s3://release/p?endpoint=ftp://minio.example":                  "use https",
		"s3://release/p?endpoint=https://minio.example/path":           "of the form",
		"s3://release/p?region=a&region=b":                             "duplicate",
		"s3://release/p?region=evil.example/":                          "region",
		"s3://release/p?path_style=yes":                                "true or false",
		"s3://release/a/../../other":                                   "plain path",
		"s3://release/a//b":                                            "plain path",
		"s3://release/a%0Ab":                                           "control characters",
		"s3:///p":                                                      "names no bucket",
		"https://release/p":                                            "of the form",
	} {
		_, err := Parse(location, none)
		require.ErrorContains(t, err, want, location)
		require.NotContains(t, strings.ToLower(err.Error()), strings.ToLower(secret))
		require.False(t, strings.Contains(err.Error(), "\n"))
	}
}

func TestConnection(t *testing.T) {
	l, err := Parse("s3://release/p", none)
	require.NoError(t, err)
	p := New(l)
	require.Error(t, p.client.CheckRedirect(nil, nil), "redirects are not followed")
	require.EqualValues(t, 0x0303, transportOf(p).TLSClientConfig.MinVersion, "TLS 1.2")
	require.False(t, transportOf(p).TLSClientConfig.InsecureSkipVerify)
}
