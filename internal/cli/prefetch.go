package cli

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// prefetched looks into certificate files ahead of the planner, which asks for one after the
// other: deriving the keys of a file takes a millisecond, and a computer has several cores.
type prefetched struct {
	certificates
	ahead map[asked]*inspection
}

// asked is one question of the planner: to open a file, or only to read it.
type asked struct {
	file, path, env, secret string
	known                   string
	open                    bool
}

// inspection is worked out by whoever comes first, the planner or a helper.
type inspection struct {
	cert  manifest.Certificate
	known string
	open  bool
	once  sync.Once
	seen  planner.Inspection
	err   error
}

func question(cert manifest.Certificate, known string, open bool) asked {
	q := asked{file: cert.File, path: cert.Path, known: known, open: open}
	if p := cert.Password; p != nil {
		q.env, q.secret = p.Env, p.Path
	}
	return q
}

// prefetch starts to look into the certificates of the manifest, as many at a time as there
// are cores; those of the apps in later are only read. stop ends that and has to be called
// before the files are closed.
func prefetch(files *manifest.Files, m *manifest.Manifest, st *state.State, later map[string]bool) (inspector planner.Inspector, stop func()) {
	c := certificates{files: files, opened: new(openings)}
	p := prefetched{certificates: c, ahead: map[asked]*inspection{}}
	var order []*inspection
	for i := range m.Apps {
		app := &m.Apps[i]
		if len(app.Certificates) == 0 {
			continue
		}
		recorded := st.Apps[app.ID]
		for _, env := range jpush.Environments {
			cert, wanted := app.Certificates[env]
			known := recorded.Certificates.Of(env).FileSHA256
			open := !later[app.ID]
			if q := question(cert, known, open); wanted && p.ahead[q] == nil {
				in := &inspection{cert: cert, known: known, open: open}
				p.ahead[q] = in
				order = append(order, in)
			}
		}
	}
	if len(order) < 2 {
		return c, func() {}
	}
	var next atomic.Int64
	var helpers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(order)) {
		helpers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(order)); i = next.Add(1) - 1 {
				p.settle(order[i])
			}
		})
	}
	return p, func() {
		next.Store(int64(len(order)))
		helpers.Wait()
	}
}

// settle looks into a file once. A panic is a defect that the planner's goroutine has to
// meet: there it ends the command in good order, and here it would end the process.
func (p prefetched) settle(in *inspection) {
	in.once.Do(func() {
		defer func() {
			if recover() != nil {
				in.err = errPanicked
			}
		}()
		in.seen, in.err = p.look(in.cert, in.known, in.open)
	})
}

func (c certificates) look(cert manifest.Certificate, known string, open bool) (planner.Inspection, error) {
	if open {
		return c.Inspect(cert, known)
	}
	return c.Read(cert)
}

var errPanicked = errors.New("looking into the certificate panicked")

// Inspect implements [planner.Inspector]. A file that several apps share is opened once.
func (p prefetched) Inspect(cert manifest.Certificate, known string) (planner.Inspection, error) {
	return p.answer(cert, known, true)
}

// Read implements [planner.Inspector].
func (p prefetched) Read(cert manifest.Certificate) (planner.Inspection, error) {
	return p.answer(cert, "", false)
}

func (p prefetched) answer(cert manifest.Certificate, known string, open bool) (planner.Inspection, error) {
	in := p.ahead[question(cert, known, open)]
	if in == nil {
		return p.look(cert, known, open)
	}
	p.settle(in)
	if in.err == errPanicked || in.err != nil && in.cert.Pos != cert.Pos {
		return p.look(cert, known, open) // for an error that names the place that asked
	}
	return in.seen, in.err
}
