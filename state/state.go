// Package state keeps the only record there is of what jpsync made. The Admin API cannot
// list or read, so an app key that is missing here is lost: everything in this package is
// arranged so that no answer of the server gets lost, whatever happens to the process.
//
// A [State] is the record as a value. A [Store] keeps it somewhere, as a snapshot and a
// journal of what happened since, and lets one writer in at a time. A [Run] is that writer:
// it appends a [Record] before and after each create and delete, and after each upload, and
// makes a new snapshot at the end.
//
// Start at [Begin] in run.go, which begins and ends a run. commit.go has Start and Append: records
// that wait at the same time share a commit, which goes to a [Session]. The session of the local
// disk has its Append in journal.go, and the rest in file.go and filesession.go. Package shared
// has the session of a bucket or a database. record.go says what a record does to a state, and
// replay.go reads a journal back. Off this way are the commands of the state: recoveryfile.go writes
// what a run could not save and recover.go takes it in again, repair.go is for damaged files, move.go
// and update.go for states that are well, secret.go for the secrets in them.
package state

import (
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"jpsync/internal/jpush"
)

// Version is the format that this package writes. A file of a newer one is refused.
const Version = 1

// State is everything that is known about one JPush account's apps. Its fields are in the
// order of the file, which has the checksum after the account: see [Marshal].
type State struct {
	Version  int    `json:"version"`
	Lineage  string `json:"lineage"`  // UUID, fixed when the state is first written
	Serial   int64  `json:"serial"`   // goes up by one with every write that changes something
	Endpoint string `json:"endpoint"` // bound at the first apply, empty before
	Account  string `json:"account"`  // the dev_key, bound at the first apply, empty before
	// Journal is what the snapshot includes: the ID of a local journal, which a crash before its
	// removal leaves beside it, or in a shared state the checksum of the last log entry.
	Journal string `json:"journal,omitempty"`
	// MovedTo is the location where the state is now, empty for one that is in use. See [Copy].
	MovedTo string         `json:"moved_to,omitempty"`
	Apps    map[string]App `json:"apps"` // by id
	// Pending holds the requests whose outcome nobody knows: they may have been sent, and
	// no answer is recorded.
	Pending map[string]Intent `json:"pending,omitempty"` // by id
}

// App is one recorded app. Two of them can be compared with ==.
type App struct {
	AppName        string       `json:"app_name"`
	AndroidPackage string       `json:"android_package"`
	GroupName      string       `json:"group_name,omitempty"`
	AppKey         string       `json:"app_key"`
	MasterSecret   string       `json:"master_secret,omitempty"` // empty when the server never told it
	Adopted        bool         `json:"adopted"`                 // it was on the server before jpsync first named it
	Protected      bool         `json:"protected"`               // never deleted or replaced
	CreatedAt      time.Time    `json:"created_at,omitzero"`
	Certificates   Certificates `json:"certificates,omitzero"`
}

// Certificates are an app's push certificates, at most one for each environment. The zero
// [Certificate] stands for none.
type Certificates struct {
	Development Certificate `json:"development,omitzero"`
	Production  Certificate `json:"production,omitzero"`
}

// Of returns the certificate for an environment, and the zero one when there is none.
func (c Certificates) Of(env jpush.Environment) Certificate {
	switch env {
	case jpush.Development:
		return c.Development
	case jpush.Production:
		return c.Production
	}
	return Certificate{}
}

// Set records the certificate for an environment. It panics when the environment is neither
// development nor production.
func (c *Certificates) Set(env jpush.Environment, cert Certificate) {
	switch env {
	case jpush.Development:
		c.Development = cert
	case jpush.Production:
		c.Production = cert
	default:
		panic("state: no such environment: " + string(env))
	}
}

// Certificate is what is remembered of an uploaded push certificate. There is no password
// here and no hash of one.
type Certificate struct {
	FileSHA256  string    `json:"file_sha256"` // hex, of the file as it was last seen
	Fingerprint string    `json:"fingerprint"` // hex, SHA-256 of the leaf's DER
	BundleID    string    `json:"bundle_id,omitempty"`
	NotAfter    time.Time `json:"not_after,omitzero"`
	UploadedAt  time.Time `json:"uploaded_at,omitzero"`
}

// New returns a state without apps, which no store has seen yet.
func New() *State {
	return &State{Version: Version, Apps: map[string]App{}, Pending: map[string]Intent{}}
}

// newUUID returns a random UUID: RFC 9562, version 4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Clone returns a copy that shares nothing with s.
func (s *State) Clone() *State {
	c := *s
	c.Apps, c.Pending = maps.Clone(s.Apps), maps.Clone(s.Pending)
	c.makeMaps()
	return &c
}

func (s *State) makeMaps() {
	if s.Apps == nil {
		s.Apps = map[string]App{}
	}
	if s.Pending == nil {
		s.Pending = map[string]Intent{}
	}
}

// SameContent reports whether two states have the same apps and the same pending requests.
func SameContent(a, b *State) bool {
	return maps.Equal(a.Apps, b.Apps) && maps.Equal(a.Pending, b.Pending)
}

// BelongsTo returns a [*MismatchError] for a state that is tied to another endpoint or another
// account. One that is tied to none belongs to everybody.
func (s *State) BelongsTo(endpoint, account string) error {
	if s.Endpoint != "" && s.Endpoint != endpoint {
		return &MismatchError{Field: "endpoint", Recorded: s.Endpoint, Given: endpoint}
	}
	if s.Account != "" && s.Account != account {
		return &MismatchError{Field: "account", Recorded: s.Account, Given: account}
	}
	return nil
}

// bind ties the state to an endpoint and an account, to which it must belong.
func (s *State) bind(endpoint, account string) error {
	if err := s.BelongsTo(endpoint, account); err != nil {
		return err
	}
	s.Endpoint, s.Account = endpoint, account
	return nil
}

// maxSerial is the largest serial with which a run begins: far beyond what going up by one reaches, and
// far enough from the end that no run overflows.
const maxSerial = 1 << 62

// writable refuses a state that a run could not save. [Unmarshal] does not: that would take a quarter longer,
// and a plan or an output works all the same.
func (s *State) writable() error {
	if s.Serial > maxSerial {
		return fmt.Errorf("serial %d is above %d", s.Serial, int64(maxSerial))
	}
	return s.check()
}

// check refuses a state that could not be written.
func (s *State) check() error {
	if s.Serial < 0 {
		return fmt.Errorf("serial %d is negative", s.Serial)
	}
	if err := checkText(s.Lineage, s.Endpoint, s.Account, s.Journal, s.MovedTo); err != nil {
		return err
	}
	for id, a := range s.Apps {
		if err := a.check(id); err != nil {
			return fmt.Errorf("app %q: %w", id, err)
		}
	}
	for id, in := range s.Pending {
		if err := in.check(id); err != nil {
			return fmt.Errorf("pending request of app %q: %w", id, err)
		}
	}
	return nil
}

// asWritten checks the state and returns it as it is read back.
func (s *State) asWritten() (*State, error) {
	if s.Version != 0 && s.Version != Version {
		return nil, fmt.Errorf("it has format version %d, and this jpsync writes %d", s.Version, Version)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	w := s.Clone()
	w.Version = Version
	for id, a := range w.Apps {
		w.Apps[id] = a.asWritten()
	}
	for id, in := range w.Pending {
		in.At = second(in.At)
		w.Pending[id] = in
	}
	return w, nil
}

// asWritten returns the app as it is read back: times in UTC and cut to the second.
func (a App) asWritten() App {
	a.CreatedAt = second(a.CreatedAt)
	for _, c := range []*Certificate{&a.Certificates.Development, &a.Certificates.Production} {
		c.NotAfter, c.UploadedAt = second(c.NotAfter), second(c.UploadedAt)
	}
	return a
}

func second(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}
