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
// Where a file cannot be opened because its password is not at hand, it lists what is recorded.
func Schedule(in Input) []Due {
	var dues []Due
	wanted := make(map[string]map[jpush.Environment]manifest.Certificate, len(in.Manifest.Apps))
	for i := range in.Manifest.Apps {
		app := &in.Manifest.Apps[i]
		wanted[app.ID] = app.Certificates
		for _, env := range jpush.Environments {
			if file, ok := app.Certificates[env]; ok {
				c := &candidate{app: app, env: env, file: file, have: in.State.Apps[app.ID].Certificates.Of(env)}
				dues = append(dues, c.due(in))
			}
		}
	}
	for id, app := range in.State.Apps {
		for _, env := range jpush.Environments {
			have := app.Certificates.Of(env)
			if _, ok := wanted[id][env]; !ok && have != (state.Certificate{}) {
				dues = append(dues, Due{App: id, AppName: app.AppName, Environment: env, State: OnlyRecorded, BundleID: have.BundleID,
					Fingerprint: have.Fingerprint, NotAfter: have.NotAfter})
			}
		}
	}
	labels := labelsOf(in.Manifest)
	for i := range dues {
		d := &dues[i]
		d.Labels = labels[d.App]
		if !d.NotAfter.IsZero() {
			d.DaysLeft = DaysLeft(d.NotAfter, in.Now)
		}
	}
	slices.SortFunc(dues, func(a, b Due) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), cmp.Compare(a.App, b.App), cmp.Compare(a.Environment, b.Environment))
	})
	return dues
}

// due is the entry of a certificate that the manifest has.
func (c *candidate) due(in Input) Due {
	have := c.have
	d := Due{App: c.app.ID, AppName: c.app.AppName, Environment: c.env, File: c.file.File}
	var err error
	c.seen, err = in.Certificates.Inspect(c.file, "")
	code, _ := codeOf(err)
	if code == codePasswordNotAtHand && have.Fingerprint != "" {
		c.seen, err = in.Certificates.Inspect(c.file, have.FileSHA256)
	}
	if err == nil || code == codePasswordNotAtHand {
		d.BundleID, d.Fingerprint, d.NotAfter = have.BundleID, have.Fingerprint, have.NotAfter
	}
	if err != nil {
		d.State, d.Message = Unreadable, err.Error()
		return d
	}
	if opened := c.seen.Opened; opened != nil {
		d.BundleID, d.Topics, d.Fingerprint, d.NotAfter = opened.BundleID, opened.Topics, opened.Fingerprint, opened.NotAfter.UTC()
		if d.Fingerprint != have.Fingerprint {
			d.Message = c.unfit(in)
		}
	}
	left, known := d.NotAfter.Sub(in.Now), !d.NotAfter.IsZero()
	switch {
	case known && left <= 0:
		d.State = Expired
	case known && left < in.Manifest.Policy.RenewBefore:
		d.State = Expiring
	case d.Fingerprint != have.Fingerprint:
		d.State = ToUpload
	default:
		d.State = Current
	}
	return d
}

// unfit says why a certificate must not be sent, or "".
func (c *candidate) unfit(in Input) string {
	var errs []string
	for _, f := range c.findings(in) {
		if f.Severity == pushcert.SeverityError && f.Code != pushcert.CodeExpired {
			errs = append(errs, f.Message+" ["+string(f.Code)+"]")
		}
	}
	if errs == nil {
		return ""
	}
	return "must not be sent: " + strings.Join(errs, "; ")
}
