package sandbox_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

// TestClients sends what other clients of the API send, to the byte, and compares the answers.
func TestClients(t *testing.T) {
	files, err := filepath.Glob("testdata/clients/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			pair, err := txtar.ParseFile(file)
			require.NoError(t, err)
			require.Len(t, pair.Files, 2)
			request := strings.TrimSuffix(string(pair.Files[0].Data), "\n")
			head, body, _ := strings.Cut(request, "\n\n")
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)))
			require.NoError(t, err)
			s := newServer(t, sandbox.Options{Seed: 1})
			require.NoError(t, s.Preload(sandbox.App{AppKey: "ffbb0932c267d938941e470b", Name: "a", AndroidPackage: "a.b"}))
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			status, want, _ := strings.Cut(strings.TrimSpace(string(pair.Files[1].Data)), "\n")
			require.Equal(t, status, strconv.Itoa(w.Code), w.Body)
			made := s.Apps()[len(s.Apps())-1]
			want = strings.NewReplacer("KEY", made.AppKey, "SECRET", made.MasterSecret).Replace(want)
			if want != "" {
				require.Equal(t, want, w.Body.String())
			}
		})
	}
}
