package sandbox

import (
	"net/http"

	"jpsync/internal/jpush"
)

// Request is one request that reached the server.
type Request struct {
	Number int // from 1, in the order of arrival
	Method string
	Path   string // escaped, with the query
	Op     string // jpush.OpCreate, OpUpload or OpDelete; empty for anything else
	Header http.Header
	Body   []byte
	Fault  Kind // the fault that applied, empty for none
	Code   int  // of the API, in the answer
	Status int  // of the answer; 0 when none was written, or not yet
	// Started and Ended number the starts and ends of all requests in one sequence, from 1.
	// They tell which requests overlapped. Ended is 0 while the request runs.
	Started, Ended int
}

// Counts has sums over all requests.
type Counts struct {
	Requests, Creates, Uploads, Deletes, Verifies int
	Running, MaxRunning                           int // now, and at most so far
	Faults                                        int // requests to which one applied
}

// ledger records the requests. The server's lock guards it.
type ledger struct {
	keep     bool
	requests []*Request
	order    int
	counts   Counts
}

func (l *ledger) start(r *http.Request, in incoming) *Request {
	l.order++
	l.counts.Requests++
	l.counts.Running++
	l.counts.MaxRunning = max(l.counts.MaxRunning, l.counts.Running)
	switch in.op {
	case jpush.OpCreate:
		l.counts.Creates++
	case jpush.OpUpload:
		l.counts.Uploads++
	case jpush.OpDelete:
		l.counts.Deletes++
	case jpush.OpVerify:
		l.counts.Verifies++
	}
	q := &Request{
		Number: l.counts.Requests, Method: r.Method, Path: r.URL.RequestURI(), Op: in.op,
		Header: r.Header.Clone(), Body: in.body, Started: l.order,
	}
	if l.keep {
		l.requests = append(l.requests, q)
	}
	return q
}

func (l *ledger) end(q *Request) {
	l.order++
	l.counts.Running--
	q.Ended = l.order
}

// Requests returns copies of all requests in the order of their arrival, if
// Options.KeepRequests asks for them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.ledger.requests))
	for i, q := range s.ledger.requests {
		out[i] = *q
		out[i].Header = q.Header.Clone()
	}
	return out
}

// Counts returns the sums over all requests.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.counts
}
