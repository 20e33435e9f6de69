package state

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Record is one entry of a journal: exactly one of Bind, Intent and Result is set.
type Record struct {
	ID     string   `json:"id,omitempty"` // of the app; empty for a Bind
	Bind   *Binding `json:"bind,omitempty"`
	Intent *Intent  `json:"intent,omitempty"`
	Result *Result  `json:"result,omitempty"`
}

// Binding is a journal's first record: which state the records belong to, and which account
// the requests go to.
type Binding struct {
	Lineage  string `json:"lineage"`
	Endpoint string `json:"endpoint"`
	Account  string `json:"account"`
}

// Op names what an intent or a result is about.
type Op string

// The operations that a journal knows.
const (
	OpCreate Op = "create"
	OpUpload Op = "upload"
	OpDelete Op = "delete"
	OpRecord Op = "record" // the record alone changes, no request is sent
)

// Intent says that a request may go out from now on. Without a result it is pending: nobody
// knows whether the request took effect. Uploads have no intent, since they can be repeated.
type Intent struct {
	Op             Op        `json:"op"` // OpCreate or OpDelete
	AppName        string    `json:"app_name,omitempty"`
	AndroidPackage string    `json:"android_package,omitempty"`
	GroupName      string    `json:"group_name,omitempty"`
	AppKey         string    `json:"app_key,omitempty"` // of a delete
	At             time.Time `json:"at,omitzero"`
}

// Result says how a request ended and what the record is from now on. It ends the app's
// pending intent. A request whose outcome is unknown has no Result: its intent stays pending.
type Result struct {
	Op Op `json:"op"`
	// App is the whole record from now on: after a create, an upload or an OpRecord. It is
	// nil after a delete, which removes the record, and when Failed or Unsent is set.
	App *App `json:"app,omitempty"`
	// Failed says that the server refused the request: the record stays as it is.
	Failed bool `json:"failed,omitzero"`
	// Unsent withdraws the intent: the request was never sent, the record stays as it is.
	Unsent bool `json:"unsent,omitzero"`
}

// maxText caps the texts of one record together, in bytes. An answer of the server has at
// most one MiB.
const maxText = 1 << 20

// Checked returns the record as it is read back, in memory of its own, or an error if it
// says nothing or cannot be written. Such a record must not reach a store, where it would
// fail the records beside it.
func (rec Record) Checked() (Record, error) {
	var err error
	switch {
	case rec.Bind != nil && rec.Intent == nil && rec.Result == nil:
		err = checkText(rec.Bind.Lineage, rec.Bind.Endpoint, rec.Bind.Account)
	case rec.Bind == nil && rec.Intent != nil && rec.Result == nil:
		in := *rec.Intent
		in.At = second(in.At)
		rec.Intent, err = &in, in.check(rec.ID)
	case rec.Bind == nil && rec.Intent == nil && rec.Result != nil:
		r := *rec.Result
		if r.App != nil {
			a := r.App.asWritten()
			r.App = &a
		}
		rec.Result, err = &r, r.check(rec.ID)
	default:
		err = errors.New("it has not exactly one of binding, intent and result")
	}
	if err != nil {
		return Record{}, fmt.Errorf("invalid record about %.80q: %w", rec.ID, err)
	}
	return rec, nil
}

func (in Intent) check(id string) error {
	if id == "" {
		return errors.New("it has no id")
	}
	if in.Op != OpCreate && in.Op != OpDelete {
		return fmt.Errorf("operation %q has no intent", in.Op)
	}
	if err := checkTimes(in.At); err != nil {
		return err
	}
	return checkText(id, in.AppName, in.AndroidPackage, in.GroupName, in.AppKey)
}

func (r Result) check(id string) error {
	unchanged := r.Failed || r.Unsent
	switch {
	case id == "":
		return errors.New("it has no id")
	case r.Op != OpCreate && r.Op != OpUpload && r.Op != OpDelete && r.Op != OpRecord:
		return fmt.Errorf("unknown operation %q", r.Op)
	case unchanged != (r.App == nil) && r.Op != OpDelete:
		return fmt.Errorf("the result of a %s needs an app, unless it failed or was not sent", r.Op)
	case r.App != nil && r.Op == OpDelete:
		return errors.New("the result of a delete has an app")
	case r.App != nil:
		return r.App.check(id)
	}
	return checkText(id)
}

func (a *App) check(id string) error {
	d, p := &a.Certificates.Development, &a.Certificates.Production
	if err := checkTimes(a.CreatedAt, d.NotAfter, d.UploadedAt, p.NotAfter, p.UploadedAt); err != nil {
		return err
	}
	return checkText(id, a.AppName, a.AndroidPackage, a.GroupName, a.AppKey, a.MasterSecret,
		d.FileSHA256, d.Fingerprint, d.BundleID, p.FileSHA256, p.Fingerprint, p.BundleID)
}

// checkText refuses what JSON cannot hold, and what is too much.
func checkText(texts ...string) error {
	total := 0
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return fmt.Errorf("%.80q is not valid UTF-8", s)
		}
		total += len(s)
	}
	if total > maxText {
		return fmt.Errorf("its texts have %d bytes, and %d is the limit", total, maxText)
	}
	return nil
}

// checkTimes refuses what RFC 3339 cannot express.
func checkTimes(times ...time.Time) error {
	for _, t := range times {
		if _, err := t.UTC().MarshalText(); err != nil {
			return fmt.Errorf("time %s is out of range", t)
		}
	}
	return nil
}

// Apply makes the change that a record stands for.
func (s *State) Apply(rec Record) {
	if rec.Bind != nil {
		s.Lineage, s.Endpoint, s.Account = rec.Bind.Lineage, rec.Bind.Endpoint, rec.Bind.Account
		return
	}
	if rec.Intent != nil {
		s.Pending[rec.ID] = *rec.Intent
		return
	}
	delete(s.Pending, rec.ID)
	switch r := rec.Result; {
	case r.Failed || r.Unsent:
	case r.App != nil:
		s.Apps[rec.ID] = *r.App
	case r.Op == OpDelete:
		delete(s.Apps, rec.ID)
	}
}
