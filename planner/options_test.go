package planner_test

import (
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

func TestOptionsThatMakeNoSense(t *testing.T) {
	st := both()
	st.Apps["old"] = app("Old", "cn.example.old")
	m := shopAndNews + "  - {id: fresh, app_name: Fresh, android_package: cn.example.fresh}\n"
	for name, c := range map[string]struct {
		options planner.Options
		want    string
	}{
		"replace, near":   {planner.Options{Replace: []string{"shpo"}}, `--replace shpo: the state has no app of this id; did you mean "shop"?`},
		"accept, near":    {planner.Options{Accept: []string{"shop", "News-"}}, `--accept News-: the state has no app of this id; did you mean "news"?`},
		"replace, far":    {planner.Options{Replace: []string{"quite-another"}}, "--replace quite-another: the state has no app of this id"},
		"replace, new":    {planner.Options{Replace: []string{"fresh"}}, "--replace fresh: the state has no app of this id"},
		"accept, orphan":  {planner.Options{Accept: []string{"old"}}, "--accept old: the manifest has no app of this id"},
		"replace, orphan": {planner.Options{Replace: []string{"old"}}, "--replace old: the manifest has no app of this id"},
		"both":            {planner.Options{Replace: []string{"news", "shop"}, Accept: []string{"shop"}}, "shop is named by both --replace and --accept: choose one"},
		"replace, no deletes": {planner.Options{Replace: []string{"shop"}, NoDelete: true},
			"--replace shop deletes the app first, and --no-delete leaves deletes out: choose one"},
		"target":  {planner.Options{Selection: planner.Selection{Targets: []string{"ok", "[a-"}}}, `"[a-" is no pattern: syntax error in pattern (use * ? and [a-z], and \ before a literal one of them)`},
		"exclude": {planner.Options{Selection: planner.Selection{Excludes: []string{"\\"}}}, `"\\" is no pattern: syntax error in pattern (use * ? and [a-z], and \ before a literal one of them)`},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(load(t, m), st, &files{})
			in.Options = c.options
			p, err := planner.Build(in)
			require.EqualError(t, err, c.want)
			require.Nil(t, p)
		})
	}
}

// Where several records have one package, which takes a hand in the state, a plan names
// the first of the others, in whichever order the map has them.
func TestPackageRecordedTwice(t *testing.T) {
	st := both()
	key := func(key string) func(*state.App) { return func(a *state.App) { a.AppKey = key } }
	st.Apps["twin"] = app("Twin", "cn.example.news", key("twin"))
	st.Apps["other"] = app("Other", "cn.example.news", key("other"))
	m := load(t, "apps:\n  - {id: news, app_name: Paper, android_package: cn.example.news}\n  - {id: shop, app_name: 商城, android_package: cn.example.shop, group_name: Retail}\n")
	for range 20 {
		in := input(m, st, &files{})
		in.Options.Accept = []string{"news"}
		p, err := planner.Build(in)
		require.NoError(t, err)
		require.Len(t, p.Conflicts, 1)
		require.Equal(t, "other", p.Conflicts[0].Recorded)
		require.Zero(t, p.Summary.Create)
	}
}

// A copy of a record is not deleted: that would take the app from the other one, which may be protected.
func TestAppKeyRecordedTwice(t *testing.T) {
	st := both()
	st.Apps["copy"] = shop()
	m := load(t, "apps:\n  - {id: news, app_name: News, android_package: cn.example.news}\n  - {id: shop, app_name: 商城, android_package: cn.example.shop, group_name: Retail}\n")
	p, err := planner.Build(input(m, st, &files{}))
	require.NoError(t, err)
	require.Zero(t, p.Summary.Delete)
	require.Len(t, p.Conflicts, 1)
	require.Equal(t, planner.Conflict{App: "copy", Field: planner.FieldID, Recorded: "shop", Desired: "copy", Message: "app key " + shop().AppKey +
		" is recorded for copy and for shop, and a delete would take the app from both: forget the wrong record, and JPush keeps the app: jpsync state rm copy"}, p.Conflicts[0])

	in := input(m, st, &files{})
	in.Options.Replace = []string{"shop"}
	p, err = planner.Build(in)
	require.NoError(t, err)
	require.Zero(t, p.Summary.Delete)
	require.Equal(t, "shop", p.Conflicts[0].App)
}

func TestCheckDeletes(t *testing.T) {
	percent := func(n int) manifest.Limit { return manifest.Limit{N: n, Percent: true} }
	for _, c := range []struct {
		deletes, recorded int
		limit             manifest.Limit
		want              string
	}{
		{0, 0, manifest.Limit{}, ""},
		{2, 2, manifest.Limit{N: 2}, ""},
		{2, 20, percent(10), ""},
		{1, 10, manifest.Limit{}, "the plan deletes 1 of the recorded apps, and at most 0 may be deleted without a typed yes; deleting is final and loses every registered device: if it is meant, pass --max-deletes 1, or leave deletes out with --no-delete and without --replace"},
		{2, 19, percent(10), "the plan deletes 2 of the recorded apps, and at most 1 (10%) may be deleted without a typed yes; deleting is final and loses every registered device: if it is meant, pass --max-deletes 2, or leave deletes out with --no-delete and without --replace"},
		{1, 9, percent(10), "the plan deletes 1 of the recorded apps, and at most 0 (10%) may be deleted without a typed yes; deleting is final and loses every registered device: if it is meant, pass --max-deletes 1, or leave deletes out with --no-delete and without --replace"},
	} {
		p := &planner.Plan{Summary: planner.Summary{Delete: c.deletes}}
		err := p.CheckDeletes(c.limit, c.recorded)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, c.want)
	}
}

// A replacement is a delete too, and it counts against the limit.
func TestReplacementsCountAsDeletes(t *testing.T) {
	in := input(load(t, shopAndNews), both(), &files{})
	in.Options.Replace = []string{"shop", "news"}
	p, err := planner.Build(in)
	require.NoError(t, err)
	require.Equal(t, 2, p.Summary.Delete)
	require.Error(t, p.CheckDeletes(manifest.Limit{N: 1}, 2))
	require.NoError(t, p.CheckDeletes(manifest.Limit{N: 2}, 2))
}

// The message of a taken package names a glob that selects the owner and nothing else.
func TestTargetOfAnOwnerIsLiteral(t *testing.T) {
	odd := `a*[b]?\c`
	st := applied(map[string]state.App{"shop": shop(), odd: news()})
	m := load(t, "apps:\n  - {id: shop, app_name: 商城, android_package: cn.example.news, group_name: Retail}\n")
	in := input(m, st, &files{})
	in.Options.Accept = []string{"shop"}
	p, err := planner.Build(in)
	require.NoError(t, err)
	glob := `a\*\[b]\?\\c`
	require.Contains(t, p.Conflicts[0].Message, "jpsync apply --target '"+glob+"'")
	ok, err := path.Match(glob, odd)
	require.NoError(t, err)
	require.True(t, ok)

	in.Options.Accept = nil
	in.Options.Selection.Targets = []string{glob}
	p, err = planner.Build(in)
	require.NoError(t, err)
	require.Equal(t, 1, p.Summary.Delete)
	require.Empty(t, p.Conflicts)
}

// What a script may rely on to tell whether there is anything to do.
func TestPendingAndEmpty(t *testing.T) {
	quiet := planner.Correction{App: "shop", Environment: slot.prod, Field: planner.FieldFile}
	loud := planner.Correction{App: "shop", Field: planner.FieldProtect, Recorded: "false", Desired: "true"}
	for _, c := range []struct {
		name           string
		plan           planner.Plan
		pending, empty bool
	}{
		{"nothing", planner.Plan{}, false, true},
		{"another export", planner.Plan{Corrections: []planner.Correction{quiet}}, false, false},
		{"protection", planner.Plan{Corrections: []planner.Correction{quiet, loud}}, true, false},
		{"a create", planner.Plan{Changes: []planner.Change{{Action: planner.Create}}}, true, false},
		{"a conflict alone", planner.Plan{Conflicts: []planner.Conflict{{}}}, false, true},
	} {
		require.Equal(t, c.pending, c.plan.HasChanges(), c.name)
		require.Equal(t, c.empty, c.plan.Empty(), c.name)
	}
}
