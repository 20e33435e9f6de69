package sandbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]sandbox.Fault{
		"lost:create:first=1":                      {Kind: sandbox.Lost, Op: "create", First: 1},
		"code10:prob=0.25":                         {Kind: sandbox.Code, Code: 10, Prob: 0.25},
		"1012:upload:name=shop-*":                  {Kind: sandbox.Code, Code: 1012, Op: "upload", Name: "shop-*"},
		"1015:name=a%3Ab%25":                       {Kind: sandbox.Code, Code: 1015, Name: "a:b%"},
		"auth:from=20:code=4007":                   {Kind: sandbox.Auth, Code: 4007, From: 20},
		"429:every=10:retry-after=2":               {Kind: sandbox.Status, Code: 429, Every: 10, RetryAfter: 2},
		"hang:committed:times=3":                   {Kind: sandbox.Hang, Committed: true, Times: 3},
		"latency=20ms":                             {Kind: sandbox.Latency, Delay: 20 * time.Millisecond},
		"rate:200":                                 {Kind: sandbox.Rate, PerSecond: 200},
		"rate:0.5:delete:burst=3":                  {Kind: sandbox.Rate, PerSecond: 0.5, Op: "delete", Burst: 3},
		"redirect:status=308:to=http://x:1/?a=b:c": {Kind: sandbox.Redirect, Code: 308, To: "http://x:1/?a=b:c"},
	} {
		got, err := sandbox.ParseFault(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, says := range map[string]string{
		"":                    `no fault of kind ""`,
		"fire":                "no fault of kind",
		"code":                "give the number itself",
		"9999":                "no code 9999",
		"99":                  "from 200 to 599",
		"latency":             "how long",
		"latency=soon":        "no duration",
		"latency=-1s":         "how long",
		"rate":                "how many",
		"rate:0":              "how many",
		"rate:NaN":            "how many",
		"rate:Inf":            "how many",
		"lost:7":              "none of create",
		"lost:read":           "none of create, upload, delete, verify, any, committed",
		"lost:first=x":        "cannot be read",
		"lost:first=-1":       "not negative",
		"lost:prob=0":         "never",
		"lost:prob=1.5":       "0 to 1",
		"lost:prob=NaN":       "0 to 1",
		"lost:name=[":         "no glob",
		"lost:name=%zz":       "cannot be read",
		"lost:speed=9":        "there is no \"speed\"",
		"lost:code=4004":      "does not go with",
		"redirect:code=301":   "does not go with",
		"redirect:status=200": "from 300 to 399",
		"auth:code=1012":      "none of 4004",
		"auth:status=301":     "does not go with",
	} {
		_, err := sandbox.ParseFault(text)
		assert.ErrorContains(t, err, says, text)
	}
	_, err := sandbox.New(sandbox.Options{Faults: []sandbox.Fault{{Kind: "fire"}}})
	assert.Error(t, err)
	assert.Error(t, newServer(t, sandbox.Options{}).SetFaults(sandbox.Fault{}))
}

func FuzzParseFault(f *testing.F) {
	for _, s := range []string{"lost:create:first=1", "rate:1e-7:burst=2", "redirect:status=308:to=http://x:1/", "latency=1h3m:name=%25%3A", "429:retry-after=007", "prob:prob=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := sandbox.ParseFault(s)
		if err != nil {
			return
		}
		if _, err := sandbox.New(sandbox.Options{Faults: []sandbox.Fault{got}}); err != nil {
			t.Fatalf("%q gives %#v, which is no fault: %v", s, got, err)
		}
	})
}
