package crashtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// door is a proxy between one runner and its store. It sees each call and each answer, and
// lets a test hold them up, cut them off or count them.
type door struct {
	t        *testing.T
	listener net.Listener
	store    string // address
	speak    func() protocol

	mu    sync.Mutex
	rule  func(call) fate
	calls []string // the kind of each
	seen  bytes.Buffer
	conns map[net.Conn]bool
}

// call is one call to the store, or the answer to it.
type call struct {
	n        int    // from 1
	kind     string // connect, list, read, remove, snapshot, open, batch, beat, fold, close
	answered bool   // the store has executed it, and this is its answer
}

// fate is what becomes of a call or of an answer.
type fate int

const (
	pass fate = iota
	cut       // the connection breaks
	hang      // nothing comes, until the one who waits gives up
	slow      // it comes after slowness
)

const (
	latency  = 5 * time.Millisecond // of the way to the store, each time
	slowness = 3 * time.Second      // more than an attempt has
)

// protocol reads whole calls and answers. They are passed on as they came.
type protocol interface {
	call(*bufio.Reader) ([]byte, error)
	answer(*bufio.Reader) ([]byte, error)
}

func newDoor(t *testing.T, store string, speak func() protocol) *door {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &door{t: t, listener: listener, store: store, speak: speak, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { listener.Close(); d.breakAll() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go d.serve(conn)
		}
	}()
	return d
}

func (d *door) address() string { return d.listener.Addr().String() }

// set gives the door another rule; nil lets everything pass. A rule is asked one call at a
// time. What hangs goes on hanging.
func (d *door) set(rule func(call) fate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rule = rule
}

// count is how many calls there were so far.
func (d *door) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.calls)
}

func (d *door) breakAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for conn := range d.conns {
		conn.Close()
	}
}

// bytes is all that went through, in both directions.
func (d *door) bytes() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.seen.Bytes())
}

func (d *door) serve(client net.Conn) {
	d.mu.Lock()
	d.conns[client] = true
	d.mu.Unlock()
	defer func() {
		client.Close()
		d.mu.Lock()
		delete(d.conns, client)
		d.mu.Unlock()
	}()
	store, err := net.Dial("tcp", d.store)
	if err != nil {
		return
	}
	defer store.Close()
	in, out, language := bufio.NewReader(client), bufio.NewReader(store), d.speak()
	for {
		data, err := language.call(in)
		if err != nil {
			_, _ = store.Write(data) // a farewell, which nobody answers
			return
		}
		c := call{kind: kindOf(data)}
		for _, c.answered = range []bool{false, true} {
			to := store
			if c.answered {
				if data, err = language.answer(out); err != nil {
					return
				}
				to = client
			}
			time.Sleep(latency)
			switch d.ask(&c, data) {
			case slow:
				time.Sleep(slowness)
			case hang:
				_, _ = in.Peek(1) // returns when the client gives up
				return
			case cut:
				return
			}
			if _, err := to.Write(data); err != nil {
				return
			}
		}
	}
}

func (d *door) ask(c *call, data []byte) fate {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !c.answered {
		d.calls = append(d.calls, c.kind)
		c.n = len(d.calls)
	}
	d.seen.Write(data)
	if d.rule == nil {
		return pass
	}
	return d.rule(*c)
}

// kindOf tells what a call does from its text, in either protocol.
func kindOf(data []byte) string {
	text := string(data)
	switch {
	case strings.Contains(text, "list-type=2"), strings.Contains(text, "SELECT '',"):
		return "list"
	case strings.HasPrefix(text, "GET "), strings.Contains(text, "SELECT body"):
		return "read"
	case strings.HasPrefix(text, "POST "), strings.Contains(text, "DELETE FROM"):
		return "remove"
	case !strings.HasPrefix(text, "PUT ") && !strings.Contains(text, "INSERT INTO"):
		return "connect" // or the table is made
	}
	for _, kind := range []string{"open", "batch", "beat", "fold", "close"} {
		if strings.Contains(text, `"type":"`+kind+`"`) {
			return kind
		}
	}
	return "snapshot"
}

// http1 is the protocol of S3.
type http1 struct{ request *http.Request }

func (p *http1) call(r *bufio.Reader) ([]byte, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, err
	}
	p.request = req
	var b bytes.Buffer
	err = req.Write(&b)
	return b.Bytes(), err
}

func (p *http1) answer(r *bufio.Reader) ([]byte, error) {
	res, err := http.ReadResponse(r, p.request)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = res.Write(&b)
	return b.Bytes(), err
}

// postgres3 is PostgreSQL's protocol: messages with a type and a length, but for the first
// one, which has no type.
type postgres3 struct{ started bool }

var errFarewell = errors.New("the client ends the connection")

func (p *postgres3) call(r *bufio.Reader) ([]byte, error) {
	if !p.started {
		p.started = true
		return message(r, 0)
	}
	data, err := messages(r, "SQX")
	if err == nil && data[0] == 'X' {
		err = errFarewell
	}
	return data, err
}

func (p *postgres3) answer(r *bufio.Reader) ([]byte, error) { return messages(r, "Z") }

// messages reads up to the first message that has one of these types.
func messages(r *bufio.Reader, last string) (all []byte, err error) {
	for {
		m, err := message(r, 1)
		if err != nil && all != nil {
			return all, nil // a server says why it hangs up
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m...)
		if strings.IndexByte(last, m[0]) >= 0 {
			return all, nil
		}
	}
}

// message reads one message whose length follows a type of so many bytes.
func message(r *bufio.Reader, kind int) ([]byte, error) {
	head := make([]byte, kind+4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	body := make([]byte, max(4, binary.BigEndian.Uint32(head[kind:]))-4)
	_, err := io.ReadFull(r, body)
	return append(head, body...), err
}
