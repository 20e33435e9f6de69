// Package manifest reads the desired apps. [Load] turns a YAML file, or a directory of them, into
// a [Manifest]: a plain value in which defaults, placeholders and paths are resolved. All mistakes
// are reported at once, each with file, line and column.
//
// A [Secret] is a reference to an environment variable or a file. Load reads no secret;
// [Files.Secret] reads one when it is needed, and nothing keeps it.
//
// Start at [Load] in load.go, which has the order of the work and reads the top level of a file.
// open.go opens the files. yaml.go makes nodes of the text, and pieces.go those of a long list of
// apps. node.go reads mappings and lists. app.go makes an [App] of them, with the certificates of
// certificate.go; a row of a CSV file joins there. names.go has the rules for names and paths.
package manifest

import (
	"bytes"
	_ "embed"
	"strconv"
	"time"

	"jpsync/internal/jpush"
)

// Manifest is the desired apps of one JPush account.
type Manifest struct {
	Path   string   // as it was given: a file or a directory
	Files  []string // every file that was read, in this order: YAML and CSV
	SHA256 string   // hex, of the text of every file that was read, see Load
	// CertRoot is the directory that every Path in the manifest is relative to, for NewFiles:
	// Options.CertRoot, or the manifest's directory.
	CertRoot string
	State    StateSettings
	Account  Account
	Policy   Policy
	Apps     []App // in the order of the files and of the entries in them
}

// Account says where the account's credentials are.
type Account struct {
	DevKey    Secret
	DevSecret Secret
}

// Policy limits what an apply may do on its own.
type Policy struct {
	MaxDeletes  Limit
	OnExisting  OnExisting
	RenewBefore time.Duration // warn about certificates that expire sooner
}

// DefaultRenewBefore is the RenewBefore of a manifest that does not say.
const DefaultRenewBefore = 30 * day

// Limit is a count or a share of the recorded apps: N or P%.
type Limit struct {
	N       int
	Percent bool
}

// OnExisting says what to do about an app that the server has and the state has not.
type OnExisting string

// What to do about an app that exists already.
const (
	Adopt OnExisting = "adopt" // record it; the default
	Fail  OnExisting = "fail"  // fail that app
)

// App is one desired app, with defaults and placeholders resolved.
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
	Password *Secret // nil: the file has no password
	Pos      Position
}

// Secret refers to a secret: exactly one of Env and File is set.
type Secret struct {
	Env  string // name of an environment variable
	File string // as written: for people
	Path string // slash-separated, relative to the certificate root
	Pos  Position
}

// Position is a place in a file of the manifest. The zero Position is that of a built-in default.
type Position struct {
	File   string
	Line   int // from 1
	Column int // from 1, in characters
}

// String returns file:line:column, or as much of it as is known.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of a manifest file, draft 2020-12, as indented JSON. Editors
// use it to complete keys, to explain them and to mark mistakes. What the schema refuses, Load
// refuses. Load also checks what no schema can express, such as that ids are unique.
func Schema() []byte { return bytes.Clone(schema) }
