// Package state keeps the only record there is of what jpsync made. The Admin API cannot
// list or read, so an app key that is missing here is lost: everything in this package is
// arranged so that no answer of the server gets lost, whatever happens to the process.
//
// A [State] is the record as a value. A [Store] keeps it somewhere and lets one writer in
// at a time. A [Journal] takes what happens during an apply, one synced record after the
// other, until the store folds it into the state.
package state

import (
	"time"

	"jpsync/internal/jpush"
)

// Version is the format that this package writes. A file of a newer one is refused.
const Version = 1

// State is everything that is known about one JPush account's apps.
type State struct {
	Version  int
	Lineage  string // UUID, fixed when the state is first written
	Serial   int64  // goes up by one with every write that changes something
	Endpoint string // bound at the first apply, empty before
	Account  string // the dev_key, bound at the first apply, empty before
	// Journal is the ID of the journal that was folded last, so that a crash between
	// the fold and the journal's removal does not fold it twice.
	Journal string
	Apps    map[string]App // by id
	// Pending holds the requests whose outcome nobody knows: sent, and never answered.
	// The next attempt at the same thing settles them.
	Pending map[string]Intent // by id
}

// App is one recorded app. Two of them can be compared with ==.
type App struct {
	AppName        string
	AndroidPackage string
	GroupName      string
	AppKey         string
	MasterSecret   string // empty when the server never told
	Adopted        bool   // it was on the server before jpsync first named it
	Protected      bool   // never deleted or replaced
	CreatedAt      time.Time
	Certificates   Certificates
}

// Certificates are an app's push certificates, at most one for each environment. The zero
// [Certificate] stands for none.
type Certificates struct {
	Development Certificate
	Production  Certificate
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
	FileSHA256  string // hex, of the file as it was last seen
	Fingerprint string // hex, SHA-256 of the leaf's DER
	BundleID    string
	NotAfter    time.Time
	UploadedAt  time.Time
}

// Op names what an intent or a result is about.
type Op string

// The operations that the journal knows.
const (
	OpCreate Op = "create"
	OpUpload Op = "upload"
	OpDelete Op = "delete"
	OpRecord Op = "record" // the record alone changes, nothing was sent
)

// Intent says that a request is about to be sent. AppKey is set for a delete, the other
// fields for a create.
type Intent struct {
	Op             Op
	AppName        string
	AndroidPackage string
	GroupName      string
	AppKey         string
	At             time.Time
}

// Result says how a request ended and what the record is to be from now on. Whatever it
// says, it settles the app's pending intent. A request whose outcome is unknown has no
// Result: its intent stays pending.
type Result struct {
	Op Op
	ID string
	// App is the whole record from now on: after a create, an upload or an OpRecord. It is
	// nil after a delete, which removes the record, and after a failed create.
	App *App
	// Failed marks a request that the server refused: the record stays as it is.
	Failed bool
}
