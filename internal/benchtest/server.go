package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// server answers like the Admin API when all goes well, after a fixed time, and remembers
// nothing: what it costs is the same for everybody who is measured against it.
type server struct {
	http    *http.Server
	address string
	latency time.Duration
	created atomic.Int64
	served  atomic.Int64
}

// serve listens on a free port of the loopback interface.
func serve(latency time.Duration) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the programs to be measured: %w", err)
	}
	s := &server{address: listener.Addr().String(), latency: latency}
	s.http = &http.Server{Handler: s}
	go s.http.Serve(listener)
	return s, nil
}

// endpoint is what jpsync takes for --endpoint.
func (s *server) endpoint() string { return "http://" + s.address + "/v1/" }

func (s *server) close() { s.http.Close() }

// ServeHTTP reads the whole request, waits, and says yes.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	io.WriteString(w, body)
}
