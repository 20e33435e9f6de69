package sandbox

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	hugeBytes   = 8 << 20
	bombMembers = 512
	// slowLines bounds a client that never gives up: one line per second.
	slowLines = 600
)

// misbehave does what the fault says. The kinds that are committed do what was asked first.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, in incoming, q *Request, f Fault) {
	var done reply
	if f.Committed || f.Kind == Lost || f.Kind == CutJSON || f.Kind == HugeBody || f.Kind == WrongTypes {
		done = s.answer(r, in)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	switch f.Kind {
	case Code:
		s.write(w, q, failure(f.Code, ""))
	case Auth:
		code := f.Code
		if code == 0 {
			code = 4005
		}
		s.write(w, q, failure(code, ""))
	case Status:
		s.write(w, q, reply{status: f.Code})
	case Rate:
		if f.RetryAfter == 0 {
			w.Header().Set("Retry-After", "1")
		}
		s.write(w, q, failure(2002, ""))
	case Lost, Drop:
		panic(http.ErrAbortHandler)
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case HTML:
		s.send(w, q, http.StatusBadGateway, "text/html", []byte("<html><body><h1>502 Bad Gateway</h1></body></html>\n"))
	case Redirect:
		s.redirect(w, r, q, f)
	case WrongTypes:
		s.send(w, q, http.StatusOK, "application/json",
			[]byte(`{"app_key":12345,"is_new_created":"yes","android_package":["a"],"master_secret":{},"success":7}`))
	case HugeBody:
		s.send(w, q, http.StatusOK, "application/json", huge(done))
	case CutJSON:
		s.cut(w, q, done)
	case Endless:
		s.endless(w, r, q)
	case GzipBomb:
		w.Header().Set("Content-Encoding", "gzip")
		s.bomb(w, q)
	case SlowHeaders:
		s.slowHeaders(w, r, q)
	}
}

func (s *Server) send(w http.ResponseWriter, q *Request, status int, contentType string, body []byte) {
	s.note(q, status, 0)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

func (s *Server) redirect(w http.ResponseWriter, r *http.Request, q *Request, f Fault) {
	status, to := f.Code, f.To
	if status == 0 {
		status = http.StatusTemporaryRedirect
	}
	if to == "" {
		to = "http://other.localhost" + r.URL.Path
	}
	s.note(q, status, 0)
	w.Header().Set("Location", to)
	w.WriteHeader(status)
}

// huge is a proper answer with much that nobody asked for in front of it.
func huge(done reply) []byte {
	body := []byte(`{"padding":"`)
	body = append(body, bytes.Repeat([]byte("x"), hugeBytes)...)
	body = append(body, `",`...)
	return append(body, bytes.TrimPrefix(done.json(), []byte("{"))...)
}

// cut promises the whole answer and closes the connection after its first half.
func (s *Server) cut(w http.ResponseWriter, q *Request, done reply) {
	body := []byte("not found")
	if done.body != nil {
		body = done.json()
	}
	s.note(q, done.status, 0)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(done.status)
	w.Write(body[:len(body)/2])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func (s *Server) endless(w http.ResponseWriter, r *http.Request, q *Request) {
	s.note(q, http.StatusOK, 0)
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"app_key":"`)
	chunk := bytes.Repeat([]byte("a"), 32<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// bomb repeats one compressed mebibyte: gzip members that follow each other unfold to one
// text (RFC 1952, 2.2). The whole stays under what a client reads of an answer.
func (s *Server) bomb(w http.ResponseWriter, q *Request) {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	z.Write(bytes.Repeat([]byte(" "), 1<<20))
	z.Close()
	s.send(w, q, http.StatusOK, "application/json", bytes.Repeat(member.Bytes(), bombMembers))
}

// slowHeaders takes the connection over, since net/http writes headers in one go.
func (s *Server) slowHeaders(w http.ResponseWriter, r *http.Request, q *Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 has no connection to take over
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	s.note(q, http.StatusOK, 0)
	if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n"); err != nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := range slowLines {
		<-tick.C
		if _, err := fmt.Fprintf(conn, "X-Slow-%d: x\r\n", i); err != nil {
			return
		}
	}
}
