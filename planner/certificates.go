package planner

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/state"
)

// Inspector looks at certificate files on the planner's behalf.
type Inspector interface {
	// Inspect reads the file that c names. When its SHA-256 is known it is neither opened
	// nor its password asked for, and Inspection.Opened is nil. What goes wrong comes back
	// as an [InspectError].
	Inspect(c manifest.Certificate, known string) (Inspection, error)
}

// Inspection is what an [Inspector] saw.
type Inspection struct {
	FileSHA256 string
	Opened     *pushcert.Certificate
	Password   pushcert.PasswordFacts
}

// InspectError says why a certificate file could not be looked into. Code is one of this
// package's or one of pushcert's kinds.
type InspectError struct {
	Code string
	Err  error
}

func (e *InspectError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *InspectError) Unwrap() error { return e.Err }

// Codes of an [InspectError] that have nothing to do with what is in the file.
const (
	CodeUnreadable         = "file_unreadable"
	CodePasswordNotAtHand  = "password_not_at_hand"
	codeUnknownInspectFail = "unreadable"
)

// use is one slot that wants a certificate.
type use struct {
	app string
	env jpush.Environment
}

// uploads plans the certificates of one app. recorded is nil for an app that is about to
// be created. The records say where a known certificate moved to another file.
func (b *builder) uploads(app *manifest.App, recorded *state.App) ([]Change, []Record) {
	var changes []Change
	var records []Record
	var slots []slot
	for _, env := range jpush.Environments {
		want, wanted := app.Certificates[env]
		var have state.Certificate
		if recorded != nil {
			have = recorded.Certificates[env]
		}
		if !wanted {
			if have.Fingerprint != "" && b.selects(app) {
				b.warn(Problem{Code: "certificate_stays", App: app.ID, Environment: env,
					Message: "no longer in the manifest, but the API cannot remove a certificate: it stays on the server until it expires (" + day(have.NotAfter) + ")"})
			}
			continue
		}
		if s, ok := b.slot(app, env, want, have); ok {
			slots = append(slots, s)
		}
	}
	differ := len(slots) == 2 && slots[0].bundle != slots[1].bundle && slots[0].bundle != "" && slots[1].bundle != ""
	for _, s := range slots {
		if differ && s.upload && b.refuse(app, s.env, "bundles_differ", fmt.Sprintf(
			"the development certificate is for %s and the production certificate for %s; an app has one bundle ID, so one of the files is another app's",
			slots[0].bundle, slots[1].bundle)) {
			continue
		}
		switch {
		case s.upload:
			changes = append(changes, b.upload(app, s, recorded))
		case s.moved:
			records = append(records, Record{App: app.ID, Environment: s.env, Field: FieldFile,
				Recorded: s.have.FileSHA256, Desired: s.seen.FileSHA256})
		}
	}
	return changes, records
}

// slot is one environment of an app as it is to be.
type slot struct {
	env    jpush.Environment
	want   manifest.Certificate
	have   state.Certificate
	seen   Inspection
	bundle string
	upload bool // another certificate than the recorded one
	moved  bool // the recorded certificate in another file
}

// slot looks at one desired certificate. ok is false when it must not be uploaded.
func (b *builder) slot(app *manifest.App, env jpush.Environment, want manifest.Certificate, have state.Certificate) (s slot, ok bool) {
	seen, err := b.in.Certificates.Inspect(want, have.FileSHA256)
	if err != nil {
		code := codeUnknownInspectFail
		if e, is := errors.AsType[*InspectError](err); is {
			code = e.Code
		}
		message := err.Error()
		if code == CodePasswordNotAtHand && have.Fingerprint != "" {
			message = "the file is not the recorded one, and whether it holds another certificate cannot be told without its password: " + message
		}
		b.fault(app, env, code, message)
		return slot{}, false
	}
	s = slot{env: env, want: want, have: have, seen: seen, bundle: bundleOf(have)}
	fingerprint := have.Fingerprint
	if seen.Opened != nil {
		fingerprint = seen.Opened.Fingerprint
		s.bundle = seen.Opened.App()
	}
	b.uses[fingerprint] = append(b.uses[fingerprint], use{app.ID, env})
	s.upload = fingerprint != have.Fingerprint
	s.moved = !s.upload && seen.FileSHA256 != have.FileSHA256
	if !s.upload {
		b.expiry(app, env, have.NotAfter)
		return s, true
	}
	return s, b.judge(app, s)
}

// judge runs the checks of a certificate that is to be sent.
func (b *builder) judge(app *manifest.App, s slot) bool {
	ok := true
	for _, f := range pushcert.Check(s.seen.Opened, pushcert.Expect{
		Environment:         string(s.env),
		BundleID:            app.BundleID,
		Password:            s.seen.Password,
		Now:                 b.in.Now,
		RenewBefore:         b.in.Manifest.Policy.RenewBefore,
		RecordedFingerprint: s.have.Fingerprint,
		RecordedNotAfter:    s.have.NotAfter,
	}) {
		if f.Code == pushcert.CodeTestCertificate && b.in.Options.Rehearsal {
			continue
		}
		message := f.Message
		if f.Remedy != "" {
			message += ": " + f.Remedy
		}
		if f.Severity != pushcert.SeverityError {
			b.advise(app, s.env, string(f.Code), message)
		} else if b.refuse(app, s.env, string(f.Code), message) {
			ok = false
		}
	}
	if had := bundleOf(s.have); had != "" && had != s.bundle && b.refuse(app, s.env, "bundle_changed", fmt.Sprintf(
		"the uploaded certificate is for %s and this one for %s: JPush replaces a certificate only by one for the same bundle ID", had, s.bundle)) {
		ok = false
	}
	return ok
}

// expiry warns about a certificate that is on the server already.
func (b *builder) expiry(app *manifest.App, env jpush.Environment, notAfter time.Time) {
	switch left := notAfter.Sub(b.in.Now); {
	case notAfter.IsZero():
	case left <= 0:
		b.advise(app, env, "expired", "the uploaded certificate expired on "+day(notAfter)+" and iOS devices get no pushes: put a renewed one in its place")
	case left < b.in.Manifest.Policy.RenewBefore:
		b.advise(app, env, "expires_soon", fmt.Sprintf("the uploaded certificate expires on %s, in %d days: renew it", day(notAfter), int(left.Hours()/24)))
	}
}

func (b *builder) upload(app *manifest.App, s slot, recorded *state.App) Change {
	c := Change{
		Action:         Upload,
		App:            app.ID,
		Environment:    s.env,
		Reason:         New,
		AppName:        app.AppName,
		AndroidPackage: app.AndroidPackage,
		GroupName:      app.GroupName,
		Certificate: &Certificate{
			File:        s.want.File,
			Path:        s.want.Path,
			FileSHA256:  s.seen.FileSHA256,
			Fingerprint: s.seen.Opened.Fingerprint,
			BundleID:    s.seen.Opened.BundleID,
			NotAfter:    s.seen.Opened.NotAfter.UTC(),
		},
	}
	if p := s.want.Password; p != nil {
		c.Certificate.Password = &Password{Env: p.Env, File: p.File, Path: p.Path}
	}
	if recorded != nil {
		c.AppKey = recorded.AppKey
	}
	if s.have.Fingerprint != "" {
		c.Reason = Changed
		c.Previous = &Previous{Fingerprint: s.have.Fingerprint, BundleID: s.have.BundleID, NotAfter: s.have.NotAfter}
	}
	return c
}

// sharedCertificates warns of one certificate in several apps: a push certificate is for
// one bundle, so all but one of them would get nobody's pushes.
func (b *builder) sharedCertificates() {
	var warnings []Problem
	for _, uses := range b.uses {
		var others []string
		for _, u := range uses[1:] {
			if u.app != uses[0].app && (len(others) == 0 || others[len(others)-1] != u.app) {
				others = append(others, u.app)
			}
		}
		if len(others) == 0 {
			continue
		}
		names := strings.Join(others[:min(3, len(others))], ", ")
		if more := len(others) - 3; more > 0 {
			names = fmt.Sprintf("%s and %d more", names, more)
		}
		warnings = append(warnings, Problem{Code: "shared_certificate", App: uses[0].app, Environment: uses[0].env,
			Message: "the same certificate is given to " + names + ": a push certificate works for one bundle ID only"})
	}
	sort.Slice(warnings, func(i, j int) bool { return warnings[i].App < warnings[j].App })
	for _, w := range warnings {
		if b.in.Options.Selection.matches(w.App, nil) || b.in.Options.Selection.Empty() {
			b.warn(w)
		}
	}
}

// refuse notes a certificate error and reports whether it blocks. One that --allow-cert
// names is a warning.
func (b *builder) refuse(app *manifest.App, env jpush.Environment, code, message string) bool {
	if b.allowed[code] {
		b.advise(app, env, code, message+" (allowed by --allow-cert)")
		return false
	}
	b.fault(app, env, code, message)
	return true
}

func (b *builder) fault(app *manifest.App, env jpush.Environment, code, message string) {
	if b.selects(app) {
		b.plan.Errors = append(b.plan.Errors, Problem{Code: code, App: app.ID, Environment: env, Message: message})
	}
}

func (b *builder) advise(app *manifest.App, env jpush.Environment, code, message string) {
	if b.selects(app) {
		b.warn(Problem{Code: code, App: app.ID, Environment: env, Message: message})
	}
}

// bundleOf is the bundle ID of the app that a recorded certificate is for.
func bundleOf(c state.Certificate) string { return (&pushcert.Certificate{BundleID: c.BundleID}).App() }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
