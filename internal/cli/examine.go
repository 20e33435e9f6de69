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

// examined are the certificates of a plan that left some of them unopened.
type examined struct {
	certificates
	apps map[string]*examination // by id
}

// examination opens the certificates of one app once, for whoever comes first.
type examination struct {
	look     func() planner.Examination
	once     sync.Once
	found    planner.Examination
	panicked bool
}

// settle opens them. A panic is a defect that the executor's goroutine has to meet: there it
// ends one app in good order, and elsewhere it would end the process.
func (x *examination) settle() {
	x.once.Do(func() {
		x.panicked = true
		defer func() { _ = recover() }()
		x.found = x.look()
		x.panicked = false
	})
}

func (x *examination) result() planner.Examination {
	if x.settle(); x.panicked {
		return x.look()
	}
	return x.found
}

// certificates are what the plan's uploads are read with. release has to be called before the
// files are closed.
func (a *application) certificates() (executor.Certificates, func(), error) {
	c := certificates{files: a.w.files}
	if len(a.input.Unopened) == 0 {
		return c, func() {}, nil
	}
	in := a.input
	in.Certificates = certificates{files: a.w.files, opened: new(openings)}
	examiner, err := planner.NewExaminer(in, a.plan)
	if err != nil {
		return nil, nil, err
	}
	e, release := examineAhead(c, a.plan, in.Unopened, examiner.Examine)
	return e, release, nil
}

// examineAhead begins to open what a plan left unopened, in the plan's order, while the first
// uploads are on their way. One goroutine does it, so that a core is left for the requests;
// whatever it has not got to is opened by who asks for it. release ends it.
func examineAhead(c certificates, p *planner.Plan, ids map[string]bool, examine func(id string) planner.Examination) (e examined, release func()) {
	e = examined{c, make(map[string]*examination, len(ids))}
	var order []*examination
	for _, change := range p.Actions {
		if id := change.App; change.Action == planner.Upload && ids[id] && e.apps[id] == nil {
			x := &examination{look: func() planner.Examination { return examine(id) }}
			e.apps[id] = x
			order = append(order, x)
		}
	}
	var released atomic.Bool
	var ahead sync.WaitGroup
	ahead.Go(func() {
		for _, x := range order {
			if released.Load() {
				return
			}
			x.settle()
		}
	})
	return e, func() { released.Store(true); ahead.Wait() }
}

// Load implements [executor.Certificates].
func (e examined) Load(upload planner.Change) (executor.Loaded, error) {
	if !upload.Certificate.Unopened() {
		return e.certificates.Load(upload)
	}
	found, unfit, warnings := e.apps[upload.App].result().In(upload.Environment)
	if len(unfit) > 0 {
		return executor.Loaded{}, &planner.UnfitError{Problems: unfit}
	}
	if found == nil || found.Certificate.FileSHA256 != upload.Certificate.FileSHA256 {
		return executor.Loaded{}, &movedError{file: upload.Certificate.File}
	}
	loaded, err := e.certificates.Load(*found)
	notes := make([]string, len(warnings))
	for i, w := range warnings {
		notes[i] = w.Text()
	}
	loaded.Note = strings.Join(notes, "; ")
	return loaded, err
}
