package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

// net/http quotes what it cannot read, and logs what a server sends beyond its answer.
func TestMalformedAnswersAreNotQuoted(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	const body = `{"app_key":"0123456789abcdef01234567","is_new_created":true,"master_secret":"canary-secret"}`
	const whole = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 92\r\n\r\n" + body
	require.Len(t, body, 92)
	for name, answer := range map[string]string{
		"twice":             whole + whole,
		"a short length":    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body,
		"no blank line":     "HTTP/1.1 200 OK\r\n" + body + "\r\n\r\n",
		"no length":         "HTTP/1.1 200 OK\r\nContent-Length: " + body + "\r\n\r\n",
		"no status":         "HTTP/1.1 " + body + "\r\n\r\n",
		"no version":        body + "\r\n\r\n",
		"a body with a 204": "HTTP/1.1 204 No Content\r\n\r\n" + body,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = io.WriteString(conn, answer)
			}))
			defer server.Close()
			dir := t.TempDir()
			manifest := "version: 1\napps:\n  - {id: a, app_name: A, android_package: cn.example.a}\n  - {id: b, app_name: B, android_package: cn.example.b}\n"
			require.NoError(t, os.WriteFile(filepath.Join(dir, "jpsync.yaml"), []byte(manifest), 0o600))
			cmd := exec.Command(path, "apply", "--auto-approve", "--format", "json", "--max-attempts", "2", "--parallelism", "1", "--report", "report.md")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "JPSYNC_ENDPOINT="+server.URL+"/v1/", "JPUSH_DEV_KEY="+sandbox.DevKey, "JPUSH_DEV_SECRET="+sandbox.DevSecret)
			out, _ := cmd.CombinedOutput()
			require.Contains(t, string(out), `"type":"summary"`)
			require.NotContains(t, string(out), "canary")
			report, err := os.ReadFile(filepath.Join(dir, "report.md"))
			require.NoError(t, err)
			require.NotContains(t, string(report), "canary")
		})
	}
}
