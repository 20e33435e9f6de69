// Package planner compares a manifest with a state and says what would bring the account
// in step: a [Plan], a plain value that can be printed, saved, compared and applied. It
// sends nothing and reads no clock, no file and no environment of its own.
//
// An app is joined with its record by id alone. The Admin API has no update, so a recorded
// app whose name, package or group differs is a [Conflict] and never a silent replacement;
// and a deleted app loses its devices for good, so whatever looks like a rename is a
// conflict as well.
package planner

import (
	"time"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/state"
)

// FormatVersion is the version of a plan's JSON form.
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

// Plan is everything that an apply would do, and everything that stands in its way.
type Plan struct {
	FormatVersion int         `json:"format_version"`
	JPSyncVersion string      `json:"jpsync_version"`
	Endpoint      string      `json:"endpoint"`
	Account       string      `json:"account"` // the dev_key; empty when it is not known yet
	Manifest      ManifestRef `json:"manifest"`
	State         StateRef    `json:"state"`
	Actions       []Change    `json:"actions"` // an app's steps stand together and in order
	Records       []Record    `json:"records,omitempty"`
	Conflicts     []Conflict  `json:"conflicts"`
	Errors        []Problem   `json:"errors,omitempty"` // each blocks one upload
	Warnings      []Problem   `json:"warnings"`
	Summary       Summary     `json:"summary"`
	// OnExisting is the policy for apps that turn out to exist, as the manifest had it.
	OnExisting manifest.OnExisting `json:"on_existing,omitempty"`
	// LeftOut counts the apps with changes that a selection kept out of this plan.
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

// RefTo pins a state. One that was never written has no lineage yet, whatever it is about
// to be called.
func RefTo(st *state.State) StateRef {
	if st.Serial == 0 {
		return StateRef{}
	}
	return StateRef{Lineage: st.Lineage, Serial: st.Serial}
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
	Previous       *Previous         `json:"previous,omitempty"` // of an upload: what it takes the place of
}

// Certificate is a certificate file as it was when the plan was made.
type Certificate struct {
	File        string    `json:"file"` // as the manifest names it
	Fingerprint string    `json:"fingerprint"`
	BundleID    string    `json:"bundle_id"`
	NotAfter    time.Time `json:"not_after"`
	Path        string    `json:"path"` // relative to the certificate root
	FileSHA256  string    `json:"file_sha256"`
	Password    *Password `json:"password,omitempty"`
}

// Password says where a certificate's password is, never what it is.
type Password struct {
	Env  string `json:"env,omitempty"`
	File string `json:"file,omitempty"` // as the manifest names it
	Path string `json:"path,omitempty"` // relative to the certificate root
}

// Previous is the recorded certificate that an upload takes the place of.
type Previous struct {
	Fingerprint string    `json:"fingerprint"`
	BundleID    string    `json:"bundle_id"`
	NotAfter    time.Time `json:"not_after"`
}

// Field names one field of a record.
type Field string

// The fields that a [Record] or a [Conflict] can be about.
const (
	FieldAppName        Field = "app_name"
	FieldAndroidPackage Field = "android_package"
	FieldGroupName      Field = "group_name"
	FieldProtect        Field = "protect"
	FieldFile           Field = "file_sha256"
	FieldID             Field = "id" // of a conflict: one package under two ids
)

// Record is a change of the state alone: nothing is sent for it.
type Record struct {
	App         string            `json:"app"`
	Environment jpush.Environment `json:"environment,omitempty"`
	Field       Field             `json:"field"`
	Recorded    string            `json:"recorded"`
	Desired     string            `json:"desired"`
}

// Quiet reports whether the record is bookkeeping that nobody has to know of: the same
// certificate in another file.
func (r Record) Quiet() bool { return r.Field == FieldFile }

// Apply makes the change in app.
func (r Record) Apply(app *state.App) {
	switch r.Field {
	case FieldAppName:
		app.AppName = r.Desired
	case FieldAndroidPackage:
		app.AndroidPackage = r.Desired
	case FieldGroupName:
		app.GroupName = r.Desired
	case FieldProtect:
		app.Protected = r.Desired == "true"
	case FieldFile:
		c := app.Certificates.Of(r.Environment)
		c.FileSHA256 = r.Desired
		app.Certificates.Set(r.Environment, c)
	}
}

// Conflict is a difference that only a person can settle. A plan with one is not applied.
type Conflict struct {
	App      string `json:"app"`
	Field    Field  `json:"field"`
	Recorded string `json:"recorded"`
	Desired  string `json:"desired"`
	Message  string `json:"message"` // what is wrong and which command settles it
}

// Problem is something a reader of the plan should know. Code is stable, for scripts.
type Problem struct {
	Code        string            `json:"code"`
	App         string            `json:"app"`
	Environment jpush.Environment `json:"environment,omitempty"`
	Message     string            `json:"message"`
}

// Text is the message with its code behind it.
func (p Problem) Text() string { return p.Message + " [" + p.Code + "]" }

// Summary counts. A replacement counts as a delete and a create.
type Summary struct {
	Create    int `json:"create"`
	Upload    int `json:"upload"`
	Delete    int `json:"delete"`
	Unchanged int `json:"unchanged"` // apps that stay as they are
	Conflicts int `json:"conflicts"`
}

// Pending reports whether an apply would change anything that people care about, on the
// server or in the state.
func (p *Plan) Pending() bool {
	if len(p.Actions) > 0 {
		return true
	}
	for _, r := range p.Records {
		if !r.Quiet() {
			return true
		}
	}
	return false
}

// Empty reports whether an apply would leave server and state exactly as they are.
func (p *Plan) Empty() bool { return len(p.Actions) == 0 && len(p.Records) == 0 }

// Chains splits the actions into the runs of steps that belong to one app and have to
// happen in order. The slices share the plan's memory.
func (p *Plan) Chains() [][]Change {
	var chains [][]Change
	for i := 0; i < len(p.Actions); {
		j := i + 1
		for j < len(p.Actions) && p.Actions[j].App == p.Actions[i].App {
			j++
		}
		chains = append(chains, p.Actions[i:j])
		i = j
	}
	return chains
}
