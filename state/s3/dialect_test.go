package s3

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
	"github.com/stretchr/testify/require"

	"jpsync/internal/storetest"
	"jpsync/state"
	"jpsync/state/shared"
	"jpsync/state/statetest"
)

func transportOf(p *Place) *http.Transport { return p.client.Transport.(*http.Transport) }

// service is a store at an address that is not ours, in this process.
type service struct {
	t         *testing.T
	handler   http.Handler
	host      string // what requests have to be for
	condition string // the header that it knows
	versioned bool
	racy      bool // looks, and then puts
}

// RoundTrip checks the address and what is signed, and translates for the handler.
func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	require.Equal(s.t, s.host, req.Host)
	require.Equal(s.t, s.host, req.URL.Host)
	s.checkSignature(req)
	to := req.Clone(req.Context())
	to.URL.Path = "/" + storetest.Bucket + req.URL.Path
	to.URL.RawPath = ""
	to.Header.Set("Content-Length", strconv.FormatInt(req.ContentLength, 10))
	answer := httptest.NewRecorder()
	switch {
	case req.URL.Query().Has("versioning"):
		status := ""
		if s.versioned {
			status = "<Status>Suspended</Status>"
		}
		_, _ = io.WriteString(answer, "<VersioningConfiguration>"+status+"</VersioningConfiguration>")
	case req.Method == http.MethodPut && req.Header.Get("If-None-Match") != "":
		answer.WriteHeader(http.StatusNotImplemented)
	default:
		if req.Header.Get(s.condition) == "true" {
			to.Header.Set("If-None-Match", "*")
		}
		if s.racy && req.Method == http.MethodPut && !has(s.handler, to.URL.Path) {
			time.Sleep(10 * time.Millisecond)
			to.Header.Del("If-None-Match")
		}
		s.handler.ServeHTTP(answer, to)
		if answer.Code == http.StatusPreconditionFailed {
			answer = httptest.NewRecorder()
			answer.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(answer, "<Error><Code>FileAlreadyExists</Code></Error>")
		}
	}
	return answer.Result(), nil
}

func has(store http.Handler, path string) bool {
	answer := httptest.NewRecorder()
	store.ServeHTTP(answer, httptest.NewRequest(http.MethodHead, path, nil))
	return answer.Code == http.StatusOK
}

// checkSignature signs the request again, with the host that it is for. The clock stands
// still meanwhile.
func (s *service) checkSignature(req *http.Request) {
	body, err := io.ReadAll(req.Body)
	require.NoError(s.t, err)
	again, err := http.NewRequest(req.Method, "https://"+s.host+req.URL.RequestURI(), bytes.NewReader(body))
	require.NoError(s.t, err)
	for name, values := range req.Header {
		if name != "Authorization" && name != "X-Amz-Date" {
			again.Header[name] = values
		}
	}
	want := signer.SignV4(*again, storetest.AccessKey, storetest.SecretKey, "", "us-east-1")
	require.Equal(s.t, want.Header.Get("Authorization"), req.Header.Get("Authorization"))
	require.Contains(s.t, req.Header.Get("Authorization"), "host;")
	if req.Method == http.MethodPut {
		require.Contains(s.t, req.Header.Get("Authorization"), strings.ToLower(s.condition), "the condition is signed")
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
}

func TestDialects(t *testing.T) {
	for _, c := range []struct{ name, domain, condition string }{
		{"Aliyun OSS", "oss-cn-hangzhou.aliyuncs.com", "X-Oss-Forbid-Overwrite"},
		{"Tencent COS", "cos.ap-beijing.myqcloud.com", "X-Cos-Forbid-Overwrite"},
	} {
		place := func(t *testing.T, s *service) *Place {
			storetest.SetCredentials(t)
			l, err := Parse("s3://"+storetest.Bucket+"/p?endpoint=https://"+c.domain, none)
			require.NoError(t, err)
			p := New(l)
			s.t, s.condition, s.host, s.handler = t, c.condition, storetest.Bucket+"."+c.domain, storetest.FakeS3Handler(t, 0)
			p.client.Transport = s
			return p
		}
		t.Run(c.name, func(t *testing.T) {
			p := place(t, &service{})
			synctest.Test(t, func(t *testing.T) {
				require.Equal(t, c.name, p.Experimental())
				require.NoError(t, statetest.FullRun(p, "first"))
				require.NoError(t, statetest.FullRun(p, "second"))
				require.NoError(t, shared.Race(t.Context(), p))
				require.NoError(t, shared.Examine(t.Context(), p)[3].Err)
				require.Equal(t, c.name, p.Experimental(), "doctor warns of it")
			})
		})
		refused := func(name, want string, s *service) {
			t.Run(c.name+" "+name, func(t *testing.T) {
				p := place(t, s)
				synctest.Test(t, func(t *testing.T) {
					store, err := shared.New(p, 0)
					require.NoError(t, err)
					_, _, _, err = store.Open(t.Context(), state.Holder{})
					require.ErrorContains(t, err, want)
					entries, _, err := p.List(t.Context(), "log/", "")
					require.NoError(t, err)
					require.Empty(t, entries, "nothing is written there")
				})
			})
		}
		refused("with versions", "use a bucket without", &service{versioned: true})
		refused("that fails the race", "use a store that supports conditional writes", &service{racy: true})
	}
}
