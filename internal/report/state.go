package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"jpsync/internal/jpush"
	"jpsync/state"
)

// StateText writes the recorded apps as a table, without secrets.
func StateText(w io.Writer, st *state.State, style Style) error {
	bound := "not bound to an account yet"
	if st.Account != "" {
		bound = "account " + Printable(st.Account) + " at " + Printable(st.Endpoint)
	}
	t := newText(w, style)
	t.line(fmt.Sprintf("Serial %d, %s, %s.\n", st.Serial, bound, Plural(len(st.Apps), "app")))
	rows := [][]string{{"ID", "APP NAME", "PACKAGE", "APP KEY", "CERTIFICATES"}}
	for _, id := range slices.Sorted(maps.Keys(st.Apps)) {
		app := st.Apps[id]
		var certs []string
		for _, env := range jpush.Environments {
			if c := app.Certificates.Of(env); c != (state.Certificate{}) {
				certs = append(certs, string(env)+" until "+day(c.NotAfter))
			}
		}
		rows = append(rows, []string{id, app.AppName, app.AndroidPackage, app.AppKey, strings.Join(certs, ", ")})
	}
	t.table(rows, 1, 0, 4, 2)
	for _, id := range slices.Sorted(maps.Keys(st.Pending)) {
		t.line(fmt.Sprintf("\nUnanswered: %s of %s, sent %s", Printable(string(st.Pending[id].Op)), Printable(id), st.Pending[id].At.UTC().Format(time.RFC3339)))
	}
	return t.Flush()
}

// AppText writes one record, with its master secret if that is to be shown.
func AppText(w io.Writer, id string, app state.App, showSecret bool) error {
	secret := "not known"
	switch {
	case app.MasterSecret != "" && showSecret:
		secret = app.MasterSecret
	case state.Encrypted(app.MasterSecret):
		secret = "recorded, encrypted (jpsync output --show-secrets)"
	case app.MasterSecret != "":
		secret = "recorded (jpsync output --show-secrets)"
	}
	rows := [][]string{
		{"id", id},
		{"app_name", app.AppName},
		{"android_package", app.AndroidPackage},
		{"group_name", value(app.GroupName)},
		{"app_key", app.AppKey},
		{"master_secret", secret},
		{"adopted", strconv.FormatBool(app.Adopted)},
		{"protected", strconv.FormatBool(app.Protected)},
		{"created_at", app.CreatedAt.UTC().Format(time.RFC3339)},
	}
	for _, env := range jpush.Environments {
		c := app.Certificates.Of(env)
		if c == (state.Certificate{}) {
			continue
		}
		rows = append(rows,
			[]string{string(env) + " certificate", c.BundleID + ", expires " + day(c.NotAfter)},
			[]string{"  fingerprint", c.Fingerprint},
			[]string{"  file_sha256", c.FileSHA256},
			[]string{"  uploaded_at", c.UploadedAt.UTC().Format(time.RFC3339)})
	}
	t := newText(w, Style{})
	t.table(rows)
	return t.Flush()
}

// StateJSON writes the state as JSON, without master secrets.
func StateJSON(w io.Writer, st *state.State) error {
	apps := make(map[string]state.App, len(st.Apps))
	for id, app := range st.Apps {
		app.MasterSecret = ""
		apps[id] = app
	}
	return JSON(w, struct {
		Lineage  string               `json:"lineage"`
		Serial   int64                `json:"serial"`
		Endpoint string               `json:"endpoint"`
		Account  string               `json:"account"`
		Apps     map[string]state.App `json:"apps"`
	}{st.Lineage, st.Serial, st.Endpoint, st.Account, apps})
}
