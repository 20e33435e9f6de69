// Package manifest reads the desired apps: a YAML file, or a directory of them, becomes a
// [Manifest], a plain value in which defaults, placeholders and paths are resolved. What is
// wrong with it is reported all at once, each error with file, line and column.
//
// The package reads secrets only when asked to and never keeps one: a [Secret] is a
// reference to an environment variable or a file.
package manifest

import (
	"strconv"
	"time"

	"jpsync/internal/jpush"
)

// Manifest is the desired apps of one JPush account.
type Manifest struct {
	Path   string   // as it was given: a file or a directory
	Files  []string // every file that was read, in this order: YAML and CSV
	SHA256 string   // hex, over every file that was read, see Load
	// CertRoot is the directory that every Path in the manifest is relative to and stays
	// under, for NewFiles: the certificate root that was asked for, or the manifest's directory.
	CertRoot string
	Account  Account
	Policy   Policy
	Apps     []App // in the order of the files and of the entries in them
}

// Account names where the credentials are.
type Account struct {
	DevKey    Secret
	DevSecret Secret
}

// Policy limits what an apply may do without being told to.
type Policy struct {
	MaxDeletes  Limit
	OnExisting  OnExisting
	RenewBefore time.Duration // warn about certificates that expire sooner; default 30 days
}

// Limit is a count or a share of the recorded apps: N or P%.
type Limit struct {
	N       int
	Percent bool
}

// OnExisting says what to do about an app that the server had before jpsync named it.
type OnExisting string

// The two answers to an app that exists already.
const (
	Adopt OnExisting = "adopt" // record it; the default
	Fail  OnExisting = "fail"  // treat it as that app's error
)

// App is one desired app, defaults and placeholders resolved. Apps share what Labels and
// Protect refer to: neither is to be written.
type App struct {
	ID             string
	AppName        string
	AndroidPackage string
	GroupName      string // empty: none
	BundleID       string // empty: not checked
	Labels         map[string]string
	Protect        *bool                             // nil: the manifest does not say
	Certificates   map[jpush.Environment]Certificate // nil: none
	Pos            Position
}

// Certificate is a desired push certificate.
type Certificate struct {
	File     string  // as written, placeholders resolved: for people
	Path     string  // slash-separated, relative to the certificate root: for Files.ReadCertificate
	Password *Secret // nil: the file has none
	Pos      Position
}

// Secret refers to a secret: exactly one of Env and File is set.
type Secret struct {
	Env  string // name of an environment variable
	File string // as written: for people
	Path string // slash-separated, relative to the certificate root
	Pos  Position
}

// Position is a place in a manifest file. The zero Position is nowhere: a default.
type Position struct {
	File   string
	Line   int // from 1
	Column int // from 1, in characters
}

// String is file:line:column, what is known of it: the form that editors jump to.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}
