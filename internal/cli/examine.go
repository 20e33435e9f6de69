package cli

import (
	"strings"
	"sync"
	"sync/atomic"

	"jpsync/executor"
	"jpsync/planner"
)

// leastLater is how many new certificates it takes for an unattended apply to send the first
// of them before the last one was opened. Opening as many takes a quarter of a second.
const leastLater = 256

// examined are certificates of a plan that were left unopened. One goroutine opens them ahead
// of the executor, in the plan's order; whatever it has not got to is opened when it is asked
// for.
type examined struct {
	certificates
	apps map[string]func() planner.Examination // by id
}

// certificates are what the plan's uploads are read with. release ends what is done ahead, and
// has to be called before the files are closed.
func (a *application) certificates() (executor.Certificates, func()) {
	c := certificates{files: a.w.files}
	if len(a.input.Later) == 0 {
		return c, func() {}
	}
	in := a.input
	in.Certificates = certificates{files: a.w.files, opened: new(openings)}
	examiner := planner.NewExaminer(in)
	e := examined{c, make(map[string]func() planner.Examination, len(in.Later))}
	for id := range in.Later {
		e.apps[id] = sync.OnceValue(func() planner.Examination { return examiner.Examine(id) })
	}
	var released atomic.Bool
	var ahead sync.WaitGroup
	ahead.Go(func() {
		// A panic is a defect that comes again where the executor asks.
		defer func() { _ = recover() }()
		for _, change := range a.plan.Actions {
			if examine := e.apps[change.App]; examine != nil && change.Action == planner.Upload {
				if released.Load() {
					return
				}
				examine()
			}
		}
	})
	return e, func() { released.Store(true); ahead.Wait() }
}

// Load implements [executor.Certificates].
func (e examined) Load(upload planner.Change) (executor.Loaded, error) {
	if !upload.Certificate.Unopened() {
		return e.certificates.Load(upload)
	}
	found, forbids, know := e.apps[upload.App]().About(upload.Environment)
	if len(forbids) > 0 {
		return executor.Loaded{}, &planner.UnfitError{Problems: forbids}
	}
	if found == nil || found.Certificate.FileSHA256 != upload.Certificate.FileSHA256 {
		return executor.Loaded{}, &movedError{file: upload.Certificate.File}
	}
	upload.Certificate = found.Certificate
	loaded, err := e.certificates.Load(upload)
	var notes []string
	for _, p := range know {
		notes = append(notes, p.Message+" ["+p.Code+"]")
	}
	loaded.Note = strings.Join(notes, "; ")
	return loaded, err
}
