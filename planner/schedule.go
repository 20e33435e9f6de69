package planner

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/state"
)

// CertificateState says where a certificate stands.
type CertificateState string

// The states of a certificate, the first that fits: what wants attention comes before what
// is merely to be done.
const (
	OnlyRecorded CertificateState = "only recorded" // on the server, no longer in the manifest
	Unreadable   CertificateState = "unreadable"    // the file could not be looked into
	Expired      CertificateState = "expired"
	Expiring     CertificateState = "expiring" // within policy.renew_before
	ToUpload     CertificateState = "to upload"
	Current      CertificateState = "current" // uploaded, and in the manifest
)

// Due is one certificate of an app and when it expires.
type Due struct {
	App         string            `json:"app"`
	Environment jpush.Environment `json:"environment"`
	State       CertificateState  `json:"state"`
	File        string            `json:"file,omitempty"`
	BundleID    string            `json:"bundle_id,omitempty"`
	Topics      []string          `json:"topics,omitempty"` // unknown for a file that was not opened
	Fingerprint string            `json:"fingerprint,omitempty"`
	NotAfter    time.Time         `json:"not_after,omitzero"`
	DaysLeft    int               `json:"days_left"` // see [DaysLeft]; 0 where it is not known
	Message     string            `json:"message,omitempty"`
}

// Schedule lists every certificate of the manifest and the state, what is due first first.
// Files are opened where their passwords are at hand; for one that is recorded and whose
// password is not, the record stands.
func Schedule(m *manifest.Manifest, st *state.State, in Inspector, now time.Time) []Due {
	s := scheduler{in: in, now: now, renew: m.Policy.RenewBefore}
	listed := make(map[string]bool, len(m.Apps))
	for i := range m.Apps {
		app := &m.Apps[i]
		listed[app.ID] = true
		recorded := st.Apps[app.ID].Certificates
		for _, env := range jpush.Environments {
			want, wanted := app.Certificates[env]
			have := recorded.Of(env)
			switch {
			case wanted:
				s.add(s.desired(app, env, want, have))
			case have != (state.Certificate{}):
				s.add(s.recorded(app.ID, env, have))
			}
		}
	}
	for id, app := range st.Apps {
		if listed[id] {
			continue
		}
		for _, env := range jpush.Environments {
			if have := app.Certificates.Of(env); have != (state.Certificate{}) {
				s.add(s.recorded(id, env, have))
			}
		}
	}
	slices.SortFunc(s.dues, func(a, b Due) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), cmp.Compare(a.App, b.App), cmp.Compare(a.Environment, b.Environment))
	})
	return s.dues
}

type scheduler struct {
	in    Inspector
	now   time.Time
	renew time.Duration
	dues  []Due
}

func (s *scheduler) add(d Due) {
	if !d.NotAfter.IsZero() {
		d.DaysLeft = DaysLeft(d.NotAfter, s.now)
	}
	s.dues = append(s.dues, d)
}

// DaysLeft counts whole days until t. After t it is negative and counts the days since; on
// either side, less than a day is 0.
func DaysLeft(t, now time.Time) int { return int(t.Sub(now) / (24 * time.Hour)) }

func (s *scheduler) recorded(id string, env jpush.Environment, have state.Certificate) Due {
	return Due{App: id, Environment: env, State: OnlyRecorded, BundleID: have.BundleID,
		Fingerprint: have.Fingerprint, NotAfter: have.NotAfter}
}

func (s *scheduler) desired(app *manifest.App, env jpush.Environment, want manifest.Certificate, have state.Certificate) Due {
	d := Due{App: app.ID, Environment: env, File: want.File}
	seen, err := s.in.Inspect(want, "")
	if e, ok := errors.AsType[*InspectError](err); ok && e.Code == CodePasswordNotAtHand && have.Fingerprint != "" {
		seen, err = s.in.Inspect(want, have.FileSHA256)
	}
	switch {
	case err != nil:
		d.State, d.Message = Unreadable, err.Error()
		return d
	case seen.Opened == nil:
		d.BundleID, d.Fingerprint, d.NotAfter = have.BundleID, have.Fingerprint, have.NotAfter
	default:
		d.take(seen.Opened)
	}
	switch left := d.NotAfter.Sub(s.now); {
	case left <= 0:
		d.State = Expired
	case left < s.renew:
		d.State = Expiring
	case d.Fingerprint != have.Fingerprint:
		d.State = ToUpload
	default:
		d.State = Current
	}
	if seen.Opened != nil && d.Fingerprint != have.Fingerprint {
		d.Message = s.unfit(app, env, seen)
	}
	return d
}

// unfit says why a certificate must not be sent, or "".
func (s *scheduler) unfit(app *manifest.App, env jpush.Environment, seen Inspection) string {
	var wrong []string
	for _, f := range pushcert.Check(seen.Opened, pushcert.Expect{
		Environment: string(env), BundleID: app.BundleID, Password: seen.Password, Now: s.now,
	}) {
		if f.Severity == pushcert.SeverityError && f.Code != pushcert.CodeExpired {
			wrong = append(wrong, f.Message+" ["+string(f.Code)+"]")
		}
	}
	if wrong == nil {
		return ""
	}
	return "must not be sent: " + strings.Join(wrong, "; ")
}

func (d *Due) take(c *pushcert.Certificate) {
	d.BundleID, d.Topics, d.Fingerprint, d.NotAfter = c.BundleID, c.Topics, c.Fingerprint, c.NotAfter.UTC()
}
