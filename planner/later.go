package planner

import (
	"slices"
	"sync"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/state"
)

// Later picks the apps whose certificates may be opened when their turn to be sent has come:
// those that have no recorded certificate, so that nothing but an upload can come of it, and
// that are not replaced, so that nothing is lost if none comes of it. It picks none as long
// as they have fewer than least files altogether.
func (o Options) Later(m *manifest.Manifest, st *state.State, least int) map[string]bool {
	var later map[string]bool
	paths := map[string]bool{}
	for i := range m.Apps {
		app := &m.Apps[i]
		if len(app.Certificates) == 0 || len(st.Apps[app.ID].Certificates) > 0 ||
			slices.Contains(o.Replace, app.ID) || !o.Selection.matches(app.ID, app.Labels) {
			continue
		}
		if later == nil {
			later = map[string]bool{}
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
	in   Input
	apps map[string]*manifest.App

	mu    sync.Mutex
	first map[string]holder // of each fingerprint
}

// holder is the app that a certificate was first seen in.
type holder struct {
	app *manifest.App
	sum string // of the file; empty: the certificate is on the server already
}

// NewExaminer returns the examiner of the plan that was built from in.
func NewExaminer(in Input) *Examiner {
	e := &Examiner{in: in, apps: make(map[string]*manifest.App, len(in.Later)), first: map[string]holder{}}
	e.in.Later = nil
	for i := range in.Manifest.Apps {
		app := &in.Manifest.Apps[i]
		if in.Later[app.ID] {
			e.apps[app.ID] = app
		}
		for _, c := range in.State.Apps[app.ID].Certificates {
			e.first[c.Fingerprint] = holder{app: app}
		}
	}
	return e
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
	b := &builder{in: e.in, plan: &Plan{}, allowed: set(e.in.Options.AllowCert), sharing: sharing{first: map[string]use{}}}
	uploads := b.uploads(app, nil).changes
	for _, c := range uploads {
		if other := e.claim(c.Certificate, app); other != app {
			b.advise(app, c.Environment, codeShared, sharedWith(other.ID))
		}
	}
	return Examination{Uploads: uploads, Errors: b.plan.Errors, Warnings: b.plan.Warnings}
}

// claim returns the app that had a certificate first. Of copies of one file the plan has
// warned.
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

// UnfitError says why a certificate that was opened when its turn came is not sent.
type UnfitError struct{ Problems []Problem }

func (e *UnfitError) Error() string {
	text := "not sent: "
	for i, p := range e.Problems {
		if i > 0 {
			text += "; "
		}
		text += p.Message + " [" + p.Code + "]"
	}
	return text
}

// About parts an examination by environment: the upload to one of them, if there is one, what
// forbids it, and what to know about it.
func (x Examination) About(env jpush.Environment) (upload *Change, forbids, know []Problem) {
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
