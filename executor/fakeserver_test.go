package executor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"jpsync/internal/jpush"
	"jpsync/planner"
)

// server is an account at JPush: get-or-create by package, with faults on request.
type server struct {
	diary        *diary
	createAlways bool
	latency      time.Duration
	takes        func(c call) time.Duration // the latency of one call; nil: latency
	// fault decides over a request. A nil one lets it through.
	fault func(c call) *fault

	mu       sync.Mutex
	apps     []*serverApp
	calls    []call
	inFlight int
	most     int // in flight at once
	tries    map[string]int
}

type serverApp struct {
	key, name, pkg string
	certs          map[jpush.Environment]string
	deleted        bool
}

// call is one request as the server sees it.
type call struct {
	n       int // from 1, in the order of arrival
	op      planner.Action
	target  string // package, or app key
	env     jpush.Environment
	attempt int // at the same target, from 1
	started time.Time
	ended   time.Time
}

// fault is a misbehaviour: what the client gets instead of the answer, and whether the
// request took effect.
type fault struct {
	err    error
	commit bool
	panics any
}

func newServer() *server { return &server{diary: &diary{}, tries: make(map[string]int)} }

func (s *server) begin(op planner.Action, target string, env jpush.Environment) call {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := fmt.Sprintf("%s %s%s", op, target, env)
	s.tries[what]++
	c := call{n: len(s.calls) + 1, op: op, target: target, env: env, attempt: s.tries[what], started: time.Now()}
	s.calls = append(s.calls, c)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.diary.add("send %s", what)
	return c
}

// do is one request: effect runs under the lock.
func (s *server) do(op planner.Action, target string, env jpush.Environment, effect func() error) error {
	c := s.begin(op, target, env)
	takes := s.latency
	if s.takes != nil {
		takes = s.takes(c)
	}
	if takes > 0 {
		time.Sleep(takes)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	s.calls[c.n-1].ended = time.Now()
	if s.fault != nil {
		if f := s.fault(c); f != nil {
			if f.commit {
				_ = effect()
			}
			if f.panics != nil {
				panic(f.panics)
			}
			return f.err
		}
	}
	return effect()
}

func (s *server) CreateApp(_ context.Context, app jpush.App) (jpush.Created, error) {
	var out jpush.Created
	err := s.do(planner.Create, app.AndroidPackage, "", func() error {
		for _, a := range s.apps {
			if a.pkg == app.AndroidPackage && !a.deleted && !s.createAlways {
				out = jpush.Created{AppKey: a.key, MasterSecret: "secret-" + a.key}
				return nil
			}
		}
		a := s.add(app.Name, app.AndroidPackage)
		out = jpush.Created{AppKey: a.key, MasterSecret: "secret-" + a.key, IsNew: true}
		return nil
	})
	return out, err
}

// add makes an app without a request.
func (s *server) add(name, pkg string) *serverApp {
	a := &serverApp{key: fmt.Sprintf("key%d", len(s.apps)+1), name: name, pkg: pkg, certs: make(map[jpush.Environment]string)}
	s.apps = append(s.apps, a)
	return a
}

func (s *server) find(key string) *serverApp {
	for _, a := range s.apps {
		if a.key == key && !a.deleted {
			return a
		}
	}
	return nil
}

func (s *server) UploadCertificate(_ context.Context, key string, cert jpush.Certificate) error {
	return s.do(planner.Upload, key, cert.Environment, func() error {
		a := s.find(key)
		switch {
		case a == nil:
			return refusal(1013)
		case a.certs[cert.Environment] == string(cert.Data):
			return refusal(1010)
		}
		a.certs[cert.Environment] = string(cert.Data)
		return nil
	})
}

func (s *server) DeleteApp(_ context.Context, key string) error {
	return s.do(planner.Delete, key, "", func() error {
		a := s.find(key)
		if a == nil {
			return refusal(1013)
		}
		a.deleted = true
		return nil
	})
}

// alive counts the apps of a package that are not deleted.
func (s *server) alive(pkg string) (n int) {
	for _, a := range s.apps {
		if a.pkg == pkg && !a.deleted {
			n++
		}
	}
	return n
}

// refusal is the client's error for a code.
func refusal(code int) *jpush.Error {
	row, ok := jpush.LookupCode(code)
	if !ok {
		panic("no such code")
	}
	return &jpush.Error{Op: "call", Status: row.Status, Code: code, Class: row.Class, Sent: true}
}

// lost is the client's error for an answer that never came.
func lost() *jpush.Error {
	return &jpush.Error{Op: "call", Class: jpush.ClassLost, Condition: jpush.LostAnswer, Sent: true, Err: errors.New("connection reset")}
}

// unreachable is the client's error for a connection that never was.
func unreachable() *jpush.Error {
	return &jpush.Error{Op: "call", Class: jpush.ClassLost, Condition: jpush.Unreachable, Err: errors.New("connection refused")}
}

func tooMany(retryAfter time.Duration) *jpush.Error {
	return &jpush.Error{Op: "call", Status: http.StatusTooManyRequests, Class: jpush.ClassLost, Condition: jpush.Busy, Sent: true, RetryAfter: retryAfter}
}
