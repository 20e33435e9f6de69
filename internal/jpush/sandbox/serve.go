package sandbox

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"jpsync/internal/jpush"
)

// ServeHTTP records the request and answers it, or misbehaves if a fault applies.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := s.read(w, r)
	q, delay, fault := s.begin(r, in)
	defer s.finish(q)
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
	}
	if fault.Kind == "" {
		s.write(w, q, s.answer(r, in))
		return
	}
	s.misbehave(w, r, in, q, fault)
}

func (s *Server) begin(r *http.Request, in incoming) (*Request, time.Duration, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.ledger.start(r, in)
	names := []string{in.app.Name, in.app.AndroidPackage, in.key}
	if app := s.account.byKey[in.key]; app != nil {
		names = append(names, app.Name, app.AndroidPackage)
	}
	delay, fault := next(s.faults, q.Number, in, names)
	if fault.Kind != "" {
		q.Fault = fault.Kind
		s.ledger.counts.Faults++
	}
	return q, delay, fault
}

func (s *Server) finish(q *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.end(q)
}

func (s *Server) note(q *Request, status, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.Status, q.Code = status, code
}

func (s *Server) write(w http.ResponseWriter, q *Request, r reply) {
	s.writeHeaders(w, q, r, len(r.body))
	w.Write(r.body)
}

// writeHeaders records the answer before anything of it is written, so that the ledger is never
// behind the client. A negative length is not announced.
func (s *Server) writeHeaders(w http.ResponseWriter, q *Request, r reply, length int) {
	s.note(q, r.status, r.code)
	w.Header().Set("Content-Type", r.contentType)
	if length >= 0 {
		w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(r.status)
}

const (
	hugeBytes   = 8 << 20
	bombMembers = 512
	// slowLines limits slowHeaders if the client never gives up: one line per second.
	slowLines = 600
)

// misbehave applies a fault. The kinds that are committed execute the request first.
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
		s.write(w, q, failure(f.Code))
	case Auth:
		s.write(w, q, failure(cmp.Or(f.Code, jpush.CodeDevSecretWrong)))
	case Status:
		s.write(w, q, textReply(f.Code))
	case Rate:
		if f.RetryAfter == 0 {
			w.Header().Set("Retry-After", "1")
		}
		s.write(w, q, failure(jpush.CodeTooFrequent))
	case Lost, Drop:
		panic(http.ErrAbortHandler)
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case HTML:
		s.write(w, q, reply{http.StatusBadGateway, 0, "text/html", []byte("<html><body><h1>502 Bad Gateway</h1></body></html>\n")})
	case Redirect:
		s.redirect(w, r, q, f)
	case WrongTypes:
		s.write(w, q, reply{http.StatusOK, 0, "application/json",
			[]byte(`{"app_key":12345,"is_new_created":"yes","android_package":["a"],"master_secret":{},"success":7}`)})
	case HugeBody:
		s.write(w, q, huge(done))
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

func (s *Server) redirect(w http.ResponseWriter, r *http.Request, q *Request, f Fault) {
	status := cmp.Or(f.Code, http.StatusTemporaryRedirect)
	s.note(q, status, 0)
	w.Header().Set("Location", cmp.Or(f.To, "http://other.localhost"+r.URL.Path))
	w.WriteHeader(status)
}

// huge returns a proper answer with 8 MiB of padding in front.
func huge(done reply) reply {
	body := slices.Concat([]byte(`{"padding":"`), bytes.Repeat([]byte("x"), hugeBytes), []byte(`",`), bytes.TrimPrefix(done.body, []byte("{")))
	return reply{http.StatusOK, 0, "application/json", body}
}

// cut announces the length of the whole answer and cuts the connection after its first half.
func (s *Server) cut(w http.ResponseWriter, q *Request, done reply) {
	s.writeHeaders(w, q, reply{status: done.status, contentType: done.contentType}, len(done.body))
	w.Write(done.body[:len(done.body)/2])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func (s *Server) endless(w http.ResponseWriter, r *http.Request, q *Request) {
	s.writeHeaders(w, q, reply{status: http.StatusOK, contentType: "application/json"}, -1)
	io.WriteString(w, `{"app_key":"`)
	chunk := bytes.Repeat([]byte("a"), 32<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// bomb repeats one compressed mebibyte: consecutive gzip members are one text (RFC 1952,
// 2.2). Compressed, it is smaller than the client's limit.
func (s *Server) bomb(w http.ResponseWriter, q *Request) {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	z.Write(bytes.Repeat([]byte(" "), 1<<20))
	z.Close()
	s.write(w, q, reply{http.StatusOK, 0, "application/json", bytes.Repeat(member.Bytes(), bombMembers)})
}

// slowHeaders hijacks the connection, since net/http writes all headers at once. Where it
// can't, it sends nothing.
func (s *Server) slowHeaders(w http.ResponseWriter, r *http.Request, q *Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, or no network at all
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	s.note(q, http.StatusOK, 0)
	if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n"); err != nil {
		return
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		io.Copy(io.Discard, conn)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := range slowLines {
		select {
		case <-tick.C:
		case <-gone:
			return
		}
		if _, err := fmt.Fprintf(conn, "X-Slow-%d: x\r\n", i); err != nil {
			return
		}
	}
}
