package planner

import (
	"cmp"
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

// The states of a certificate. The first that fits is reported: what needs attention comes
// before what is merely to be done.
const (
	OnlyRecorded CertificateState = "only recorded" // on the server, no longer in the manifest
	Unreadable   CertificateState = "unreadable"    // the file could not be opened
	Expired      CertificateState = "expired"
	Expiring     CertificateState = "expiring" // within policy.renew_before
	ToUpload     CertificateState = "to upload"
	Current      CertificateState = "current" // uploaded, and in the manifest
)

// Due is one certificate of an app and when it expires.
type Due struct {
	App         string            `json:"app"`
	AppName     string            `json:"app_name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"` // the app's, in the manifest
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

// DaysLeft counts whole days until t. After t it is negative and counts the days since; on
// either side, less than a day is 0.
func DaysLeft(t, now time.Time) int { return int(t.Sub(now) / (24 * time.Hour)) }

// Schedule lists every certificate of the manifest and the state, the first to expire first.
// Where a recorded certificate's file has changed and its password is not at hand, the record
// is listed.
func Schedule(m *manifest.Manifest, st *state.State, in Inspector, now time.Time) []Due {
	s := scheduler{in: in, now: now, renewBefore: m.Policy.RenewBefore}
	var dues []Due
	wanted := make(map[string]map[jpush.Environment]manifest.Certificate, len(m.Apps))
	for i := range m.Apps {
		app := &m.Apps[i]
		wanted[app.ID] = app.Certificates
		for _, env := range jpush.Environments {
			if file, ok := app.Certificates[env]; ok {
				dues = append(dues, s.desired(app, env, file, st.Apps[app.ID].Certificates.Of(env)))
			}
		}
	}
	for id, app := range st.Apps {
		for _, env := range jpush.Environments {
			have := app.Certificates.Of(env)
			if _, ok := wanted[id][env]; !ok && have != (state.Certificate{}) {
				dues = append(dues, Due{App: id, AppName: app.AppName, Environment: env, State: OnlyRecorded, BundleID: have.BundleID,
					Fingerprint: have.Fingerprint, NotAfter: have.NotAfter})
			}
		}
	}
	labels := labelsOf(m)
	for i := range dues {
		d := &dues[i]
		d.Labels = labels[d.App]
		if !d.NotAfter.IsZero() {
			d.DaysLeft = DaysLeft(d.NotAfter, now)
		}
	}
	slices.SortFunc(dues, func(a, b Due) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), cmp.Compare(a.App, b.App), cmp.Compare(a.Environment, b.Environment))
	})
	return dues
}

type scheduler struct {
	in          Inspector
	now         time.Time
	renewBefore time.Duration
}

// desired is the entry of a certificate that the manifest has.
func (s scheduler) desired(app *manifest.App, env jpush.Environment, file manifest.Certificate, have state.Certificate) Due {
	d := Due{App: app.ID, AppName: app.AppName, Environment: env, File: file.File}
	seen, err := s.in.Inspect(file, "")
	if code, _ := codeOf(err); code == codePasswordNotAtHand && have.Fingerprint != "" {
		seen, err = s.in.Inspect(file, have.FileSHA256)
	}
	if err != nil {
		d.State, d.Message = Unreadable, err.Error()
		return d
	}
	d.BundleID, d.Fingerprint, d.NotAfter = have.BundleID, have.Fingerprint, have.NotAfter
	if c := seen.Opened; c != nil {
		d.BundleID, d.Topics, d.Fingerprint, d.NotAfter = c.BundleID, c.Topics, c.Fingerprint, c.NotAfter.UTC()
	}
	if seen.Opened != nil && d.Fingerprint != have.Fingerprint {
		d.Message = s.unfit(app, env, seen)
	}
	switch left := d.NotAfter.Sub(s.now); {
	case left <= 0:
		d.State = Expired
	case left < s.renewBefore:
		d.State = Expiring
	case d.Fingerprint != have.Fingerprint:
		d.State = ToUpload
	default:
		d.State = Current
	}
	return d
}

// unfit says why a certificate must not be sent, or "".
func (s scheduler) unfit(app *manifest.App, env jpush.Environment, seen Inspection) string {
	var errs []string
	for _, f := range pushcert.Check(seen.Opened, pushcert.Expect{
		Environment: string(env), BundleID: app.BundleID, Password: seen.Password, Now: s.now,
	}) {
		if f.Severity == pushcert.SeverityError && f.Code != pushcert.CodeExpired {
			errs = append(errs, f.Message+" ["+string(f.Code)+"]")
		}
	}
	if errs == nil {
		return ""
	}
	return "must not be sent: " + strings.Join(errs, "; ")
}
