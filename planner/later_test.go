package planner_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// drawMixedFiles makes certificate files of which many are not fit for many places.
func drawMixedFiles(t *rapid.T) map[string]file {
	good := p12(push("l", "bundle", days(300)), "u")
	all := []file{
		good,
		p12(good.holds, "exported again"),
		p12(push("m", "bundle", days(300)), "u"),
		p12(push("n", "another bundle", days(10)), "u"),
		p12(push("gone", "bundle", days(-1)), "u"),
		edited(p12(push("dev", "bundle", days(300)), "u"), func(c *pushcert.Certificate) { c.Production = false }),
		edited(p12(push("no key", "bundle", days(300)), "u"), func(c *pushcert.Certificate) { c.HasKey = false }),
		{sum: digest("locked"), err: &planner.InspectError{Code: "wrong_password", Err: errors.New("the password is wrong")}},
	}
	byPath := map[string]file{}
	for _, path := range []string{"0", "1", "2", "3"} {
		byPath[path] = rapid.SampledFrom(all).Draw(t, "file")
	}
	if !mostly.Draw(t, "readable") {
		delete(byPath, "3")
	}
	return byPath
}

// readable are the files that can have been uploaded.
func readable(byPath map[string]file) map[string]file {
	some := maps.Clone(byPath)
	maps.DeleteFunc(some, func(_ string, f file) bool { return f.holds == nil })
	return some
}

// settled is a plan with what came of opening the certificates that it left unopened.
func settled(p *planner.Plan, e *planner.Examiner) *planner.Plan {
	var actions []planner.Change
	for _, c := range p.Actions {
		if c.Action != planner.Upload || !c.Certificate.Unopened() {
			actions = append(actions, c)
			continue
		}
		found, forbids, know := e.Examine(c.App).In(c.Environment)
		p.Errors = append(p.Errors, forbids...)
		p.Warnings = append(p.Warnings, know...)
		if found != nil {
			c.Certificate = found.Certificate
			actions = append(actions, c)
		}
	}
	p.Actions = actions
	return p
}

// problems are sorted and without the warnings of shared certificates, which name the first
// app of several or the second, as they come to light: see warnsOfSharing.
func problems(all []planner.Problem) []planner.Problem {
	left := []planner.Problem{}
	for _, p := range all {
		if p.Code != "shared_certificate" {
			left = append(left, p)
		}
	}
	slices.SortFunc(left, func(a, b planner.Problem) int {
		return slices.Compare([]string{a.App, string(a.Environment), a.Code, a.Message}, []string{b.App, string(b.Environment), b.Code, b.Message})
	})
	return left
}

func warnsOfSharing(p *planner.Plan) bool {
	return slices.ContainsFunc(p.Warnings, func(w planner.Problem) bool { return w.Code == "shared_certificate" })
}

// What is opened later is judged as if it had been opened at once.
func TestOpeningLaterChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		byPath := drawMixedFiles(t)
		m := drawManifest(t)
		for i := range m.Apps {
			m.Apps[i].BundleID = rapid.SampledFrom([]string{"", "", "bundle"}).Draw(t, "bundle_id")
		}
		m.Policy.RenewBefore = 30 * 24 * 3600e9
		st := drawState(t, readable(byPath))
		f := &files{byPath: byPath}
		in := input(m, st, f)
		in.Options = drawOptions(t, m, st)
		in.Options.AllowCert = rapid.SliceOfDistinct(rapid.SampledFrom(planner.AllowableCodes), rapid.ID[string]).Draw(t, "allowed")
		whole, err := planner.Build(in)
		require.NoError(t, err)

		f.opened = nil
		in.Unopened = in.Options.Later(m, st, 1)
		later, err := planner.Build(in)
		require.NoError(t, err)
		for id := range in.Unopened {
			for _, c := range wantedApp(m, id).Certificates {
				require.False(t, slices.Contains(f.opened, c.Path) && onlyWantedBy(m, c.Path, id), "%s was opened", c.Path)
			}
		}
		e, err := planner.NewExaminer(in, later)
		require.NoError(t, err)
		later = settled(later, e)
		require.Equal(t, whole.Actions, append([]planner.Change{}, later.Actions...))
		require.Equal(t, problems(whole.Errors), problems(later.Errors))
		require.Equal(t, problems(whole.Warnings), problems(later.Warnings))
		require.Equal(t, whole.Conflicts, later.Conflicts)
		if len(whole.Errors)+len(whole.Conflicts) == 0 && in.Options.Selection.Empty() {
			require.Equal(t, warnsOfSharing(whole), warnsOfSharing(later), "of certificates that are all sent or recorded")
		}
		require.Equal(t, whole.LeftOut, later.LeftOut)
	})
}

func wantedApp(m *manifest.Manifest, id string) *manifest.App {
	i := slices.IndexFunc(m.Apps, func(a manifest.App) bool { return a.ID == id })
	return &m.Apps[i]
}

func onlyWantedBy(m *manifest.Manifest, path, id string) bool {
	for _, a := range m.Apps {
		for _, c := range a.Certificates {
			if c.Path == path && a.ID != id {
				return false
			}
		}
	}
	return true
}

func TestWhatCanBeOpenedLater(t *testing.T) {
	f := p12(push("2026", bundle, days(300)), "export")
	m := load(t, `
defaults: {certificates: {production: {file: '${id}.p12'}}}
apps:
  - {id: new, app_name: New, android_package: cn.example.new}
  - {id: bare, app_name: Bare, android_package: cn.example.bare}
  - {id: renewed, app_name: Renewed, android_package: cn.example.renewed}
  - {id: replaced, app_name: Replaced, android_package: cn.example.replaced}
  - {id: excluded, app_name: Excluded, android_package: cn.example.excluded}
  - {id: none, app_name: None, android_package: cn.example.none, certificates: {production: null}}
`)
	st := applied(map[string]state.App{
		"bare":     app("Bare", "cn.example.bare"),
		"renewed":  app("Renewed", "cn.example.renewed", with(jpush.Production, f)),
		"replaced": app("Replaced", "cn.example.replaced"),
	})
	o := planner.Options{Replace: []string{"replaced"}, Selection: planner.Selection{Excludes: []string{"excluded"}}}
	require.Equal(t, map[string]bool{"new": true, "bare": true}, o.Later(m, st, 2))
	require.Empty(t, o.Later(m, st, 3), "for a few, it is not worth it")
}

// One certificate in files of several apps is told when the second one is opened; of copies of
// one file the plan has told already.
func TestSharedCertificatesThatAreOpenedLater(t *testing.T) {
	shared := push("2026", bundle, days(300))
	f := &files{byPath: map[string]file{"a.p12": p12(shared, "one"), "b.p12": p12(shared, "one"), "c.p12": p12(shared, "another"), "d.p12": p12(push("own", bundle, days(300)), "one")}}
	m := load(t, `
defaults: {certificates: {production: {file: '${id}.p12'}}}
apps:
  - {id: a, app_name: A, android_package: cn.example.a}
  - {id: b, app_name: B, android_package: cn.example.b}
  - {id: c, app_name: C, android_package: cn.example.c}
  - {id: d, app_name: D, android_package: cn.example.d}
`)
	in := input(m, state.New(), f)
	in.Unopened = in.Options.Later(m, in.State, 1)
	p, err := planner.Build(in)
	require.NoError(t, err)
	require.Len(t, p.Warnings, 1)
	require.Equal(t, "a", p.Warnings[0].App)
	require.Contains(t, p.Warnings[0].Message, "the same certificate is given to b:")
	e, err := planner.NewExaminer(in, p)
	require.NoError(t, err)
	for _, tt := range []struct{ app, tells string }{{"a", ""}, {"b", ""}, {"c", "given to a:"}, {"d", ""}} {
		_, forbids, know := e.Examine(tt.app).In(jpush.Production)
		require.Empty(t, forbids)
		if tt.tells == "" {
			require.Empty(t, know)
			continue
		}
		require.Len(t, know, 1)
		require.Equal(t, "shared_certificate", know[0].Code)
		require.Contains(t, know[0].Message, tt.tells)
	}
}

// Other apps have the certificates that they will have when the plan is carried out.
func TestSharingWithAppsThatAreOpenedAtOnce(t *testing.T) {
	old, renewed := p12(push("old", bundle, days(30)), "one"), p12(push("renewed", bundle, days(300)), "one")
	m := load(t, `
defaults: {certificates: {production: {file: '${id}.p12'}}}
apps:
  - {id: shop, app_name: Shop, android_package: cn.example.shop}
  - {id: new, app_name: New, android_package: cn.example.new}
`)
	for name, tt := range map[string]struct {
		file   file
		shared bool
	}{
		"the one that the other gets, in the same file":   {renewed, true},
		"the one that the other gets, in another file":    {p12(renewed.holds, "another"), true},
		"the one that the other has had, and gets rid of": {old, false},
		"one that only the new app has":                   {p12(push("own", bundle, days(300)), "one"), false},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(m, recorded(with(slot.prod, old)), &files{byPath: map[string]file{"shop.p12": renewed, "new.p12": tt.file}})
			in.Unopened = in.Options.Later(m, in.State, 1)
			require.Equal(t, map[string]bool{"new": true}, in.Unopened)
			p, err := planner.Build(in)
			require.NoError(t, err)
			e, err := planner.NewExaminer(in, p)
			require.NoError(t, err)
			_, unfit, warnings := e.Examine("new").In(jpush.Production)
			require.Empty(t, unfit)
			if tt.shared {
				require.Len(t, warnings, 1)
				require.Contains(t, warnings[0].Message, "given to shop:")
			} else {
				require.Empty(t, warnings)
			}
		})
	}
}

// A plan whose certificates nobody has opened pins nothing, so it is not one to save.
func TestAnUnopenedCertificateIsNoSavedPlan(t *testing.T) {
	m := load(t, oneCertificate)
	in := input(m, state.New(), &files{byPath: map[string]file{"shop.p12": p12(push("2026", bundle, days(300)), "export")}})
	in.Unopened = in.Options.Later(m, in.State, 1)
	p, err := planner.Build(in)
	require.NoError(t, err)
	data, err := planner.Encode(p)
	require.NoError(t, err)
	_, err = planner.Decode(data)
	require.ErrorContains(t, err, "names no certificate")
}
