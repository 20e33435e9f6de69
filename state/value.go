package state

import (
	"maps"
	"time"
)

// New returns a state without apps, which no store has seen yet.
func New() *State {
	return &State{Version: Version, Apps: map[string]App{}, Pending: map[string]Intent{}}
}

// Clone returns a copy that shares nothing with s.
func (s *State) Clone() *State {
	c := New()
	c.Version, c.Lineage, c.Serial = s.Version, s.Lineage, s.Serial
	c.Endpoint, c.Account, c.Journal = s.Endpoint, s.Account, s.Journal
	maps.Copy(c.Apps, s.Apps)
	maps.Copy(c.Pending, s.Pending)
	return c
}

// sameApps tells whether two states have the same apps and the same pending requests:
// whether there is anything to write.
func sameApps(a, b *State) bool {
	return maps.Equal(a.Apps, b.Apps) && maps.Equal(a.Pending, b.Pending)
}

// asWritten returns the app as reading it back gives it: times in UTC and cut to the second.
// So a state in memory is the same as the one on disk, and == compares records.
func (a App) asWritten() App {
	a.CreatedAt = second(a.CreatedAt)
	for _, c := range []*Certificate{&a.Certificates.Development, &a.Certificates.Production} {
		c.NotAfter, c.UploadedAt = second(c.NotAfter), second(c.UploadedAt)
	}
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
