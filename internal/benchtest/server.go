package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"
)

// service answers like the Admin API when all goes well, after a fixed time, and remembers
// nothing: what it costs is the same for every program that is measured against it.
type service struct {
	latency time.Duration
	created atomic.Int64
	served  atomic.Int64
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	body := `{"success":"Synchronized success"}`
	if strings.HasSuffix(r.URL.Path, "/app") {
		body = fmt.Sprintf(`{"app_key":"%024x","is_new_created":true}`, s.created.Add(1))
	}
	if s.latency > 0 {
		time.Sleep(s.latency - time.Since(began))
	}
	s.served.Add(1)
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, body)
}

// serve listens on loopback and returns the endpoint for jpsync. The server lives as long as
// this program.
func serve(h http.Handler) string { return httptest.NewServer(h).URL + "/v1/" }
