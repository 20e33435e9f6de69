package planner

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/state"
)

// Inspector looks at certificate files on the planner's behalf.
type Inspector interface {
	// Inspect reads the file that c names and opens it. When its SHA-256 is known it is not
	// opened, no password is needed, and Inspection.Opened is nil. A failure wraps a
	// [manifest.ReadError] or a [pushcert.Error].
	Inspect(c manifest.Certificate, known string) (Inspection, error)
}

// Inspection is what an [Inspector] saw.
type Inspection struct {
	FileSHA256 string
	Opened     *pushcert.Certificate // nil: it was not opened
	Password   pushcert.PasswordFacts
}

// Codes of certificate files that could not be opened. Those of a file's content are pushcert's
// kinds.
const (
	codeFileUnreadable    = "file_unreadable"
	codePasswordNotAtHand = "password_not_at_hand"
	codeUnreadable        = "unreadable" // opening it failed in a way that nobody foresaw
)

// codeOf returns the code of an [Inspector]'s error, and what to do about it.
func codeOf(err error) (code, remedy string) {
	if e, ok := errors.AsType[*pushcert.Error](err); ok {
		return string(e.Kind), e.Remedy
	}
	switch e, ok := errors.AsType[*manifest.ReadError](err); {
	case !ok:
		return codeUnreadable, ""
	case e.Kind == "secret":
		return codePasswordNotAtHand, "set the variable or the file that the manifest names, here and in the pipeline"
	case errors.Is(e, manifest.ErrEmpty):
		return string(pushcert.Empty), pushcert.Empty.Remedy()
	case errors.Is(e, manifest.ErrTooLarge):
		return string(pushcert.TooLarge), pushcert.TooLarge.Remedy()
	}
	return codeFileUnreadable, "check the path, which is relative to the file that names it, and its permissions"
}

// Codes of certificate errors that take a second certificate to see.
const (
	codeBundleChanged = "bundle_changed"
	codeBundlesDiffer = "bundles_differ"
)

// AllowableCodes are the certificate errors that somebody may have a reason to ignore. A file
// that cannot be opened cannot be allowed.
var AllowableCodes = []string{
	string(pushcert.CodeExpired), string(pushcert.CodeNotYetValid), string(pushcert.CodeWrongEnvironment),
	string(pushcert.CodeNotPush), string(pushcert.CodeWrongBundle), string(pushcert.CodeNoKey),
	codeBundleChanged, codeBundlesDiffer,
}

// certificateChanges are what the certificates of one app need.
type certificateChanges struct {
	changes     []Change
	corrections []Correction // of certificates that moved to another file
	blocked     bool         // some certificate must not be sent
}

// candidate is the certificate that the manifest wants in one environment of an app.
type candidate struct {
	app    *manifest.App
	env    jpush.Environment
	file   manifest.Certificate
	have   state.Certificate // the recorded one; zero if there is none
	seen   Inspection
	bundle string
	upload bool // it is not the recorded certificate
}

// uploads plans the certificates of one app. recorded is zero for an app that is about to be
// created.
func (b *builder) uploads(app *manifest.App, recorded state.App) (up certificateChanges) {
	var fit []*candidate
	for _, env := range jpush.Environments {
		have := recorded.Certificates.Of(env)
		file, wanted := app.Certificates[env]
		switch {
		case wanted:
			c := &candidate{app: app, env: env, file: file, have: have}
			if b.inspect(c) {
				fit = append(fit, c)
			} else {
				up.blocked = true
			}
		case have.Fingerprint != "":
			b.plan.warn("certificate_stays", app.ID, env,
				"no longer in the manifest, but the API cannot remove a certificate: it stays on the server until it expires ("+day(have.NotAfter)+")")
		}
	}
	differ := len(fit) == 2 && fit[0].bundle != fit[1].bundle && fit[0].bundle != "" && fit[1].bundle != ""
	for _, c := range fit {
		blocked := false
		if differ && c.upload {
			blocked = b.refuse(c.problem(codeBundlesDiffer, fmt.Sprintf(
				"the development certificate is for %s and the production certificate for %s; an app has one bundle ID, so one of the files is another app's",
				fit[0].bundle, fit[1].bundle), ""))
		}
		switch {
		case blocked:
			up.blocked = true
		case c.upload:
			up.changes = append(up.changes, c.change(recorded.AppKey))
		case c.seen.FileSHA256 != c.have.FileSHA256:
			up.corrections = append(up.corrections, Correction{App: app.ID, Environment: c.env, Field: FieldFile,
				Recorded: c.have.FileSHA256, Desired: c.seen.FileSHA256})
		}
	}
	return up
}

// inspect opens a candidate's file, fills in what it holds, and notes who wants it. It reports
// whether the certificate is on the server or may be sent; if not, the plan has the errors.
func (b *builder) inspect(c *candidate) bool {
	var err error
	if c.seen, err = b.in.Certificates.Inspect(c.file, c.have.FileSHA256); err != nil {
		code, remedy := codeOf(err)
		message := strings.TrimSuffix(err.Error(), "; "+remedy)
		if code == codePasswordNotAtHand && c.have.Fingerprint != "" {
			message = "the file is not the recorded one, and whether it holds another certificate cannot be told without its password: " + message
		}
		b.plan.Errors = append(b.plan.Errors, c.problem(code, message, remedy))
		return false
	}
	fingerprint := c.have.Fingerprint
	c.bundle = bundleOf(c.have)
	if c.seen.Opened != nil {
		fingerprint, c.bundle = c.seen.Opened.Fingerprint, c.seen.Opened.App()
	}
	b.addUse(fingerprint, c)
	if c.upload = fingerprint != c.have.Fingerprint; c.upload {
		return b.check(c)
	}
	b.warnOfExpiry(c)
	return true
}

// check runs the checks of a certificate that is to be sent.
func (b *builder) check(c *candidate) bool {
	ok := true
	for _, f := range c.findings(b.in) {
		if f.Code == pushcert.CodeTestCertificate && b.in.Options.Rehearsal {
			continue
		}
		p := c.problem(string(f.Code), f.Message, f.Remedy)
		if f.Severity != pushcert.SeverityError {
			b.plan.Warnings = append(b.plan.Warnings, p)
			continue
		}
		blocked := b.refuse(p)
		ok = ok && !blocked
	}
	return ok
}

// findings are what speaks against sending the candidate, which was opened.
func (c *candidate) findings(in Input) []pushcert.Finding {
	found := pushcert.Check(c.seen.Opened, pushcert.Expect{
		Environment:      string(c.env),
		BundleID:         c.app.BundleID,
		Password:         c.seen.Password,
		Now:              in.Now,
		RenewBefore:      in.Manifest.Policy.RenewBefore,
		RecordedNotAfter: c.have.NotAfter,
	})
	if had, has := bundleOf(c.have), c.seen.Opened.App(); had != "" && had != has {
		found = append(found, pushcert.Finding{Code: codeBundleChanged, Severity: pushcert.SeverityError, Message: fmt.Sprintf(
			"the uploaded certificate is for %s and this one for %s: JPush replaces a certificate only by one for the same bundle ID", had, has)})
	}
	return found
}

// warnOfExpiry warns about a certificate that is on the server already.
func (b *builder) warnOfExpiry(c *candidate) {
	notAfter := c.have.NotAfter
	switch left := notAfter.Sub(b.in.Now); {
	case notAfter.IsZero():
	case left <= 0:
		b.plan.warn("expired", c.app.ID, c.env, "the uploaded certificate expired on "+day(notAfter)+" and iOS devices get no pushes: put a renewed one in its place")
	case left < b.in.Manifest.Policy.RenewBefore:
		b.plan.warn("expires_soon", c.app.ID, c.env, fmt.Sprintf("the uploaded certificate expires on %s, %s: renew it", day(notAfter), pushcert.Until(left)))
	}
}

// change is the upload of the candidate. appKey is empty where the same plan creates the app.
func (c *candidate) change(appKey string) Change {
	opened := c.seen.Opened
	change := Change{
		Action:         Upload,
		App:            c.app.ID,
		Environment:    c.env,
		Reason:         New,
		AppName:        c.app.AppName,
		AndroidPackage: c.app.AndroidPackage,
		GroupName:      c.app.GroupName,
		AppKey:         appKey,
		Certificate: &Certificate{
			File:        c.file.File,
			Fingerprint: opened.Fingerprint,
			BundleID:    opened.BundleID,
			NotAfter:    opened.NotAfter.UTC(),
			Path:        c.file.Path,
			FileSHA256:  c.seen.FileSHA256,
		},
	}
	if p := c.file.Password; p != nil {
		change.Certificate.Password = &Password{Env: p.Env, File: p.File, Path: p.Path}
	}
	if c.have.Fingerprint != "" {
		change.Reason = Changed
		change.Previous = &Previous{Fingerprint: c.have.Fingerprint, BundleID: c.have.BundleID, NotAfter: c.have.NotAfter.UTC()}
	}
	return change
}

// refuse notes a certificate error and reports whether it blocks. One that --allow-cert names
// becomes a warning.
func (b *builder) refuse(p Problem) bool {
	if slices.Contains(b.in.Options.AllowCert, p.Code) {
		p.Message += " (allowed by --allow-cert)"
		b.plan.Warnings = append(b.plan.Warnings, p)
		return false
	}
	b.plan.Errors = append(b.plan.Errors, p)
	return true
}

func (c *candidate) problem(code, message, remedy string) Problem {
	return Problem{Code: code, App: c.app.ID, Environment: c.env, Message: message, Remedy: remedy}
}

// bundleOf is the bundle ID of the app that a recorded certificate is for.
func bundleOf(c state.Certificate) string { return (&pushcert.Certificate{BundleID: c.BundleID}).App() }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
