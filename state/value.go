package state

import (
	"maps"
	"time"

	"jpsync/internal/jpush"
)

// New returns a state without apps, which no store has seen yet.
func New() *State {
	return &State{Version: Version, Apps: map[string]App{}, Pending: map[string]Intent{}}
}

// Clone returns a copy that shares nothing with s.
func (s *State) Clone() *State {
	c := *s
	c.Apps = make(map[string]App, len(s.Apps))
	for id, a := range s.Apps {
		c.Apps[id] = a.Clone()
	}
	c.Pending = make(map[string]Intent, len(s.Pending))
	maps.Copy(c.Pending, s.Pending)
	return &c
}

// Clone returns a copy that shares nothing with a.
func (a App) Clone() App {
	a.Certificates = maps.Clone(a.Certificates)
	return a
}

// shallow returns a copy with maps of its own, whose apps share their certificates with s.
// Within this package nobody changes certificates in place.
func (s *State) shallow() *State {
	c := *s
	c.Apps, c.Pending = maps.Clone(s.Apps), maps.Clone(s.Pending)
	if c.Apps == nil {
		c.Apps = map[string]App{}
	}
	if c.Pending == nil {
		c.Pending = map[string]Intent{}
	}
	return &c
}

// sameApps tells whether two states have the same apps and the same pending requests:
// whether there is anything to write.
func sameApps(a, b *State) bool {
	return maps.EqualFunc(a.Apps, b.Apps, equalApps) && maps.EqualFunc(a.Pending, b.Pending, equalIntents)
}

func equalApps(a, b App) bool {
	return a.AppName == b.AppName && a.AndroidPackage == b.AndroidPackage && a.GroupName == b.GroupName &&
		a.AppKey == b.AppKey && a.MasterSecret == b.MasterSecret && a.Adopted == b.Adopted &&
		a.Protected == b.Protected && a.CreatedAt.Equal(b.CreatedAt) &&
		maps.EqualFunc(a.Certificates, b.Certificates, equalCertificates)
}

func equalCertificates(a, b Certificate) bool {
	return a.FileSHA256 == b.FileSHA256 && a.Fingerprint == b.Fingerprint && a.BundleID == b.BundleID &&
		a.NotAfter.Equal(b.NotAfter) && a.UploadedAt.Equal(b.UploadedAt)
}

func equalIntents(a, b Intent) bool {
	return a.Op == b.Op && a.AppName == b.AppName && a.AndroidPackage == b.AndroidPackage &&
		a.GroupName == b.GroupName && a.AppKey == b.AppKey && a.At.Equal(b.At)
}

// asWritten returns the app as reading it back gives it: a copy, times in UTC and cut to
// the second. So a state in memory is the same as the one on disk.
func (a App) asWritten() App {
	a.CreatedAt = second(a.CreatedAt)
	if len(a.Certificates) == 0 {
		a.Certificates = nil
		return a
	}
	certs := make(map[jpush.Environment]Certificate, len(a.Certificates))
	for env, c := range a.Certificates {
		c.NotAfter, c.UploadedAt = second(c.NotAfter), second(c.UploadedAt)
		certs[env] = c
	}
	a.Certificates = certs
	return a
}

func (in Intent) asWritten() Intent {
	in.At = second(in.At)
	return in
}

func second(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}
