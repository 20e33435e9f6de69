// Package planner compares a manifest with a state and plans what brings the account in
// step. A [Plan] is a plain value that can be printed, saved, compared and applied:
//
//	p, err := planner.Build(planner.Input{Manifest: m, State: st, Certificates: files, Now: now})
//
// The package sends nothing, and reads no clock, file or environment.
//
// An app is joined with its record by id alone. The Admin API has no update, so a recorded
// app whose name, package or group differs is a [Conflict], never a silent replacement. A
// deleted app loses its devices for good, so whatever looks like a rename is a conflict too.
//
// Start at [Build] in build.go, which goes through the apps; [Align] in spelling.go has given them
// their ids as the state has them. conflict.go compares their fields and certificates.go their
// certificates; selection.go says which apps are meant, and warnings.go what a person should look
// at. guards.go refuses a plan that deletes too much or is stale, saved.go writes and reads one, and
// schedule.go lists when certificates expire.
package planner

import (
	"slices"
	"time"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/state"
)

// FormatVersion is the version of the JSON forms of a plan and of what commands print.
const FormatVersion = 1

// Action is what a [Change] does on the server.
type Action string

// The three things that the Admin API can do.
const (
	Create Action = "create"
	Upload Action = "upload"
	Delete Action = "delete"
)

// Reason says why a [Change] is planned.
type Reason string

// The reasons for a change.
const (
	New     Reason = "new"     // in the manifest, not in the state
	Changed Reason = "changed" // another certificate than the recorded one
	Removed Reason = "removed" // in the state, not in the manifest
	Replace Reason = "replace" // part of a replacement that somebody asked for
)

// Plan is what an apply would do, and what stands in its way.
type Plan struct {
	FormatVersion int          `json:"format_version"`
	JPSyncVersion string       `json:"jpsync_version"`
	Endpoint      string       `json:"endpoint"`
	Account       string       `json:"account"` // the dev_key; empty when it is not known yet
	Manifest      ManifestRef  `json:"manifest"`
	State         StateRef     `json:"state"`
	Changes       []Change     `json:"actions"` // an app's steps stand together and in order
	Corrections   []Correction `json:"records,omitempty"`
	Conflicts     []Conflict   `json:"conflicts"`
	Errors        []Problem    `json:"errors,omitempty"` // each blocks one upload
	Warnings      []Problem    `json:"warnings"`
	Summary       Summary      `json:"summary"`
	// OnExisting is the policy for apps that turn out to exist, as the manifest had it.
	OnExisting manifest.OnExisting `json:"on_existing,omitempty"`
	// LeftOut counts the apps with changes that a selection or --no-delete keeps out.
	LeftOut int `json:"left_out,omitempty"`
}

// ManifestRef pins the manifest that a plan was made from.
type ManifestRef struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// StateRef pins the state that a plan was made from. Both are zero for an account that was
// never applied to.
type StateRef struct {
	Lineage string `json:"lineage"`
	Serial  int64  `json:"serial"`
}

// Change is one request to the server, with all that is needed to make it but the secrets.
type Change struct {
	Action         Action            `json:"action"`
	App            string            `json:"app"` // the id
	Environment    jpush.Environment `json:"environment,omitempty"`
	Reason         Reason            `json:"reason"`
	AppName        string            `json:"app_name"`
	AndroidPackage string            `json:"android_package"`
	GroupName      string            `json:"group_name,omitempty"`
	AppKey         string            `json:"app_key,omitempty"` // empty where a create of the same plan brings it
	Protect        *bool             `json:"protect,omitempty"` // of a create: what the manifest says
	Certificate    *Certificate      `json:"certificate,omitempty"`
	Previous       *Previous         `json:"previous,omitempty"` // of an upload: what it replaces
}

// Certificate is a certificate file as it was when the plan was made.
type Certificate struct {
	File        string    `json:"file"` // as the manifest names it
	Fingerprint string    `json:"fingerprint"`
	BundleID    string    `json:"bundle_id"`
	NotAfter    time.Time `json:"not_after"`
	Path        string    `json:"path,omitempty"` // relative to the certificate root
	FileSHA256  string    `json:"file_sha256,omitempty"`
	Password    *Password `json:"password,omitempty"`
}

// Password says where a certificate's password is, never what it is.
type Password struct {
	Env  string `json:"env,omitempty"`
	File string `json:"file,omitempty"` // as the manifest names it
	Path string `json:"path,omitempty"` // relative to the certificate root
}

// Previous is the recorded certificate that an upload replaces.
type Previous struct {
	Fingerprint string    `json:"fingerprint"`
	BundleID    string    `json:"bundle_id"`
	NotAfter    time.Time `json:"not_after"`
}

// Field names one field of a record.
type Field string

// The fields that a [Correction] or a [Conflict] can be about.
const (
	FieldAppName        Field = "app_name"
	FieldAndroidPackage Field = "android_package"
	FieldGroupName      Field = "group_name"
	FieldProtect        Field = "protect"
	FieldFile           Field = "file_sha256"
	FieldID             Field = "id" // of a conflict: one package under two ids
)

// Correction is a change of the state alone: nothing is sent for it.
type Correction struct {
	App         string            `json:"app"`
	Environment jpush.Environment `json:"environment,omitempty"`
	Field       Field             `json:"field"`
	Recorded    string            `json:"recorded"`
	Desired     string            `json:"desired"`
}

// Quiet reports whether the correction needs no mention: the same certificate in another file.
func (c Correction) Quiet() bool { return c.Field == FieldFile }

// Apply makes the change in app.
func (c Correction) Apply(app *state.App) {
	switch c.Field {
	case FieldAppName:
		app.AppName = c.Desired
	case FieldAndroidPackage:
		app.AndroidPackage = c.Desired
	case FieldGroupName:
		app.GroupName = c.Desired
	case FieldProtect:
		app.Protected = c.Desired == "true"
	case FieldFile:
		cert := app.Certificates.Of(c.Environment)
		cert.FileSHA256 = c.Desired
		app.Certificates.Set(c.Environment, cert)
	}
}

// Conflict is a difference that needs a person's decision. A plan with one is not applied.
type Conflict struct {
	App      string `json:"app"`
	Field    Field  `json:"field"`
	Recorded string `json:"recorded"`
	Desired  string `json:"desired"`
	Message  string `json:"message"` // what is wrong and which command resolves it
}

// Problem is an error or a warning about one app: what is wrong and, where the message does not
// say, what to do. Code is stable, for scripts.
type Problem struct {
	Code        string            `json:"code"`
	App         string            `json:"app"`
	Environment jpush.Environment `json:"environment,omitempty"`
	Message     string            `json:"message"`
	Remedy      string            `json:"remedy,omitempty"`
}

// Text is all of it in one line, but for the app.
func (p Problem) Text() string {
	text := p.Message
	if p.Remedy != "" {
		text += "; " + p.Remedy
	}
	return text + " [" + p.Code + "]"
}

// Summary counts. A replacement counts as a delete and a create.
type Summary struct {
	Create    int `json:"create"`
	Upload    int `json:"upload"`
	Delete    int `json:"delete"`
	Unchanged int `json:"unchanged"` // apps that stay as they are
	Conflicts int `json:"conflicts"`
}

// HasChanges reports whether an apply would change anything but quiet corrections.
func (p *Plan) HasChanges() bool {
	loud := func(c Correction) bool { return !c.Quiet() }
	return len(p.Changes) > 0 || slices.ContainsFunc(p.Corrections, loud)
}

// Empty reports whether an apply would change nothing at all, on the server or in the state.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 && len(p.Corrections) == 0 }

// Chains splits the changes into the steps of each app, which must happen in order. The
// slices share the plan's memory.
func (p *Plan) Chains() [][]Change {
	var chains [][]Change
	start := 0
	for i := range p.Changes {
		if last := i+1 == len(p.Changes); last || p.Changes[i+1].App != p.Changes[i].App {
			chains = append(chains, p.Changes[start:i+1])
			start = i + 1
		}
	}
	return chains
}
