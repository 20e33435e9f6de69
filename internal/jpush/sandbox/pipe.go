package sandbox

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is how much a side may write ahead of its reader, like a socket's buffer.
const pipeBuffer = 64 << 10

// newPipe returns the two ends of a connection in memory. Unlike [net.Pipe]'s it has
// buffers, so a side that wrote all it had can go on, or go away, before it is read.
func newPipe() (client, server net.Conn) {
	up, down := newStream(), newStream()
	return &pipeConn{in: down, out: up}, &pipeConn{in: up, out: down}
}

type pipeConn struct {
	in, out *stream
	onClose func()
	once    sync.Once
}

func (c *pipeConn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *pipeConn) Write(b []byte) (int, error) { return c.out.write(b) }

func (c *pipeConn) Close() error {
	c.once.Do(func() {
		c.in.hangUp()
		c.out.end()
		if c.onClose != nil {
			c.onClose()
		}
	})
	return nil
}

func (c *pipeConn) LocalAddr() net.Addr  { return pipeAddr{} }
func (c *pipeConn) RemoteAddr() net.Addr { return pipeAddr{} }

func (c *pipeConn) SetDeadline(t time.Time) error {
	c.in.readBy.set(c.in, t)
	c.out.writeBy.set(c.out, t)
	return nil
}

func (c *pipeConn) SetReadDeadline(t time.Time) error {
	c.in.readBy.set(c.in, t)
	return nil
}

func (c *pipeConn) SetWriteDeadline(t time.Time) error {
	c.out.writeBy.set(c.out, t)
	return nil
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "memory" }
func (pipeAddr) String() string  { return "sandbox" }

// stream is one direction of a connection.
type stream struct {
	mu              sync.Mutex
	changed         *sync.Cond
	buf             []byte
	ended           bool // the writer is gone: what is left may be read
	hungUp          bool // the reader is gone: nothing can be written
	readBy, writeBy deadline
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.hungUp:
			return 0, io.ErrClosedPipe
		case s.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case len(s.buf) > 0:
			n := copy(b, s.buf)
			s.buf = append(s.buf[:0], s.buf[n:]...)
			s.changed.Broadcast()
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for {
		switch {
		case s.ended || s.hungUp:
			return written, io.ErrClosedPipe
		case s.writeBy.passed():
			return written, os.ErrDeadlineExceeded
		case len(b) == 0:
			return written, nil
		case len(s.buf) < pipeBuffer:
			n := min(len(b), pipeBuffer-len(s.buf))
			s.buf = append(s.buf, b[:n]...)
			b, written = b[n:], written+n
			s.changed.Broadcast()
		default:
			s.changed.Wait()
		}
	}
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.writeBy.stop()
	s.changed.Broadcast()
}

func (s *stream) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hungUp, s.buf = true, nil
	s.readBy.stop()
	s.changed.Broadcast()
}

// deadline wakes a stream when its time has come. The stream's lock guards it.
type deadline struct {
	at    time.Time // zero: none
	timer *time.Timer
}

// passed looks at the clock and not at whether the timer has fired: of two deadlines for
// the same moment one timer fires first.
func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) set(s *stream, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.stop()
	d.at = t
	switch {
	case d.passed():
		s.changed.Broadcast()
	case !t.IsZero() && !s.ended && !s.hungUp:
		d.timer = time.AfterFunc(time.Until(t), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
	}
}
