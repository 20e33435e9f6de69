package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// ServeHTTP records the request, lets it meet its fault if there is one, and answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := read(w, r)
	q, delay, fault := s.begin(r, in)
	defer s.finish(q)
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
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
	delay, fault := s.faults.meet(q.Number, in, names, time.Now())
	if fault.Kind != "" {
		q.Fault = fault.String()
		s.ledger.counts.Faults++
	}
	return q, delay, fault
}

func (s *Server) finish(q *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.end(q)
}

// note records what is about to be answered: by the time the client has it, the ledger
// has it too.
func (s *Server) note(q *Request, status, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.Status, q.Code = status, code
}

func (s *Server) write(w http.ResponseWriter, q *Request, rep reply) {
	s.note(q, rep.status, rep.code)
	if rep.body == nil {
		http.Error(w, http.StatusText(rep.status), rep.status)
		return
	}
	body := rep.json()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rep.status)
	w.Write(body)
}

// json is the body as the documents show it: compact, without a line break.
func (r reply) json() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.body); err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
