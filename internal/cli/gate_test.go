package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// gate stands before an account and can let requests wait, so that a story may act while
// they are in flight.
type gate struct {
	next http.Handler

	mu      sync.Mutex
	changed sync.Cond
	shut    bool
	waiting []chan struct{} // one for each request, closed at its end
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The body is taken in first: whoever sent it may be gone when the gate opens.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ended := make(chan struct{})
	defer close(ended)
	g.mu.Lock()
	if g.shut {
		g.waiting = append(g.waiting, ended)
		g.changed.Broadcast()
	}
	for g.shut {
		g.changed.Wait()
	}
	g.mu.Unlock()
	g.next.ServeHTTP(w, r)
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

// open lets the waiting requests go on, and returns when the account is done with them.
func (g *gate) open() {
	g.mu.Lock()
	g.shut = false
	waiting := g.waiting
	g.waiting = nil
	g.changed.Broadcast()
	g.mu.Unlock()
	for _, ended := range waiting {
		<-ended
	}
}

func (g *gate) await(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) < n {
		g.changed.Wait()
	}
}

func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "hold")
	current(ts).gate.close()
}

func cmdHeld(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 1, "held N")
	current(ts).gate.await(number(ts, args[0]))
}

func cmdRelease(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg)
	usage(ts, args, 0, "release")
	current(ts).gate.open()
}
