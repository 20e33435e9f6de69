package planner

import (
	"slices"
	"strings"
	"sync"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/state"
)

// Later picks the apps whose certificates may be opened when others are being sent already:
// those that have no recorded certificate, so that nothing but an upload can come of it, and
// that are not replaced, so that nothing is lost if none comes of it. It picks none as long
// as they have fewer than least files altogether.
func (o Options) Later(m *manifest.Manifest, st *state.State, least int) map[string]bool {
	later := map[string]bool{}
	paths := map[string]bool{}
	for i := range m.Apps {
		app := &m.Apps[i]
		if len(app.Certificates) == 0 || st.Apps[app.ID].Certificates != (state.Certificates{}) ||
			slices.Contains(o.Replace, app.ID) || !o.Selection.matches(app.ID, app.Labels) {
			continue
		}
		later[app.ID] = true
		for _, c := range app.Certificates {
			paths[c.Path] = true
		}
	}
	if len(paths) < least {
		return nil
	}
	return later
}

// Unopened reports whether the certificate was left for an [Examiner].
func (c *Certificate) Unopened() bool { return c.Fingerprint == "" }

// Examiner opens the certificates that a plan left unopened, app by app, and judges them as
// [Build] would have done. Its methods may be called by several goroutines.
type Examiner struct {
	blank builder // what every app is judged with
	apps  map[string]*manifest.App

	mu    sync.Mutex
	first map[string]holder // of each fingerprint
}

// holder is the app that a certificate was first seen in.
type holder struct {
	app *manifest.App
	sum string // of its file; empty: it was no unopened one
}

// NewExaminer returns the examiner of the plan p that was built from in. The inspector of in
// has to serve several goroutines.
func NewExaminer(in Input, p *Plan) (*Examiner, error) {
	later := in.Unopened
	in.Unopened = nil
	b, err := newBuilder(in)
	if err != nil {
		return nil, err
	}
	e := &Examiner{blank: *b, apps: make(map[string]*manifest.App, len(later)), first: map[string]holder{}}
	type place struct {
		app string
		env jpush.Environment
	}
	planned := map[place]string{}
	for _, c := range p.Actions {
		if c.Action == Upload {
			planned[place{c.App, c.Environment}] = c.Certificate.Fingerprint
		}
	}
	for i := range in.Manifest.Apps {
		app := &in.Manifest.Apps[i]
		if later[app.ID] {
			e.apps[app.ID] = app
			continue
		}
		for env := range app.Certificates {
			fingerprint, ok := planned[place{app.ID, env}]
			if !ok {
				fingerprint = in.State.Apps[app.ID].Certificates.Of(env).Fingerprint
			}
			e.first[fingerprint] = holder{app: app}
		}
	}
	return e, nil
}

// Examination is what came of opening the certificates of one app.
type Examination struct {
	Uploads  []Change
	Errors   []Problem // each in the place of an upload
	Warnings []Problem
}

// Examine opens and judges the certificates of one app.
func (e *Examiner) Examine(id string) Examination {
	app := e.apps[id]
	if app == nil {
		return Examination{}
	}
	b := e.blank
	b.plan, b.sharing = &Plan{}, sharing{first: map[string]use{}}
	uploads := b.uploads(app, nil).changes
	for _, c := range uploads {
		if other := e.claim(c.Certificate, app); other != app {
			b.advise(app, c.Environment, codeShared, sharedWith(other.ID))
		}
	}
	return Examination{Uploads: uploads, Errors: b.plan.Errors, Warnings: b.plan.Warnings}
}

// claim returns the app that had a certificate first. Of copies of one unopened file the plan
// has warned.
func (e *Examiner) claim(c *Certificate, app *manifest.App) *manifest.App {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, again := e.first[c.Fingerprint]
	switch {
	case !again:
		e.first[c.Fingerprint] = holder{app, c.FileSHA256}
		return app
	case first.sum == c.FileSHA256:
		return app
	}
	return first.app
}

// In is the part of an examination that is about one environment: the upload, nil if there is
// none, what forbids it, and what to know about it.
func (x Examination) In(env jpush.Environment) (upload *Change, errors, warnings []Problem) {
	of := func(all []Problem) []Problem {
		return slices.DeleteFunc(slices.Clone(all), func(p Problem) bool { return p.Environment != env })
	}
	for i := range x.Uploads {
		if x.Uploads[i].Environment == env {
			upload = &x.Uploads[i]
		}
	}
	return upload, of(x.Errors), of(x.Warnings)
}

// UnfitError says why a certificate that was not opened while planning is not sent.
type UnfitError struct{ Problems []Problem }

func (e *UnfitError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.Text()
	}
	return "not sent: " + strings.Join(texts, "; ")
}
