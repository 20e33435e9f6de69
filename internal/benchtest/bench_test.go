package main

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheServerAnswersLikeTheAPI(t *testing.T) {
	s, err := serve(0)
	require.NoError(t, err)
	defer s.close()
	for path, want := range map[string]string{
		"app":               `{"app_key":"000000000000000000000001","is_new_created":true}`,
		"app/k/certificate": `{"success":"Synchronized success"}`,
	} {
		resp, err := http.Post(s.endpoint()+path, "application/json", strings.NewReader("{}"))
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		require.Equal(t, want, string(body))
	}
	require.EqualValues(t, 2, s.served.Load())
}

func TestTheBareLoopPostsEveryBodyOnce(t *testing.T) {
	s, err := serve(0)
	require.NoError(t, err)
	defer s.close()
	require.NoError(t, bare([]string{"-n", "50", "-c", "8", "-url", s.endpoint()}))
	require.EqualValues(t, 50, s.created.Load())

	certs := t.TempDir()
	require.NoError(t, mint(certs, 3))
	require.NoError(t, bare([]string{"-n", "3", "-c", "2", "-url", s.endpoint(), "-certs", certs}))
	require.EqualValues(t, 53, s.served.Load())
	require.Error(t, bare([]string{"-n", "4", "-url", s.endpoint(), "-certs", certs}), "a file is missing")
}

func TestTheBareDecoderReadsTheManifest(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, manifest(dir, 5, "certs"))
	require.NoError(t, decode(dir+"/jpsync.yaml"))
	require.NoError(t, manifest(dir, 0, ""))
	require.Error(t, decode(dir+"/jpsync.yaml"))
}

// The sides take turns to be first, and one bad round does not show.
func TestADuelIsTheMedianOfItsRounds(t *testing.T) {
	var order strings.Builder
	n := 0
	o, err := fight(duel{
		ours: func() (usage, error) {
			order.WriteString("a")
			n++
			if n == 2 {
				return usage{wall: time.Hour, user: time.Second, memory: 20}, nil
			}
			return usage{wall: 2 * time.Second, user: time.Second, memory: 20}, nil
		},
		other: func() (usage, error) {
			order.WriteString("b")
			return usage{wall: time.Second, memory: 10}, nil
		},
		goal: goal{wall: 2.5},
	}, 3)
	require.NoError(t, err)
	require.Equal(t, "abbaab", order.String())
	require.Equal(t, 2.0, o.wall)
	require.Zero(t, o.user, "there is nothing to compare with")
	require.Equal(t, 2.0, o.memory)
	require.True(t, o.kept())
	require.Contains(t, o.row(), "**2.00×** (≤ 2.5)")
	o.goal.memory = 1.5
	require.False(t, o.kept())
	require.Contains(t, o.row(), "NO")
}

func TestThePictureIsXMLWithALineForEachCommand(t *testing.T) {
	curves := []curve{
		{"a<b", []float64{0.01, 0.02, 0.1, 1}},
		{"c", []float64{0.01, 0.02, 0.1, 1}},
	}
	svg := picture(curves)
	dec := xml.NewDecoder(strings.NewReader(svg))
	lines := 0
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			lines++
		}
	}
	require.Equal(t, 2, lines)
	require.Equal(t, 10.0, curves[0].growth())
	require.NotContains(t, svg, "NaN")
	heights := labelHeights(curves, func(float64) float64 { return 100 })
	require.GreaterOrEqual(t, heights[1]-heights[0], 15.0, "names don't overlap")
}

func TestTheSimulatorsGreeting(t *testing.T) {
	endpoint, key, secret, err := greeting(strings.NewReader("http://127.0.0.1:1/v1/\nJPSYNC_ENDPOINT=http://127.0.0.1:1/v1/ JPUSH_DEV_KEY=k JPUSH_DEV_SECRET=s\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"http://127.0.0.1:1/v1/", "k", "s"}, []string{endpoint, key, secret})
	_, _, _, err = greeting(strings.NewReader("no\n"))
	require.Error(t, err)
}

func TestNumbersAreGrouped(t *testing.T) {
	for n, want := range map[int]string{7: "7", 999: "999", 1000: "1,000", 100_000: "100,000", 1_000_001: "1,000,001"} {
		require.Equal(t, want, grouped(n))
	}
}
