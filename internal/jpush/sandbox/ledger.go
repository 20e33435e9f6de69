package sandbox

import (
	"net/http"
	"slices"

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
	Requests, Creates, Uploads, Deletes int
	Running, MaxRunning                 int // now, and at most so far
	Faults                              int // requests to which one applied
}

// ledger records the requests. The server's lock guards it.
type ledger struct {
	keep     int // negative: all
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
	}
	q := &Request{
		Number: l.counts.Requests, Method: r.Method, Path: r.URL.RequestURI(), Op: in.op,
		Header: r.Header.Clone(), Body: in.body, Started: l.order,
	}
	l.requests = append(l.requests, q)
	// The older half goes when there are twice as many, so that the copy costs little.
	if l.keep >= 0 && len(l.requests) > 2*l.keep {
		l.requests = slices.Clone(l.requests[len(l.requests)-l.keep:])
	}
	return q
}

func (l *ledger) end(q *Request) {
	l.order++
	l.counts.Running--
	q.Ended = l.order
}

// Requests returns copies of the latest requests in the order of their arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.ledger.requests
	if s.ledger.keep >= 0 && len(kept) > s.ledger.keep {
		kept = kept[len(kept)-s.ledger.keep:]
	}
	out := make([]Request, len(kept))
	for i, q := range kept {
		out[i] = *q
		out[i].Header = q.Header.Clone()
	}
	return out
}

// Counts returns the sums over all requests, including those that Requests has dropped.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.counts
}
