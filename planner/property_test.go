package planner_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// The names are few, so that ids meet packages, names and groups that belong to others.
var (
	ids      = rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
	packages = []string{"cn.p.a", "cn.p.b", "cn.p.c", "cn.p.d", "cn.p.e", "cn.p.f"}
	words    = rapid.SampledFrom([]string{"", "x", "y"})
	mostly   = rapid.SampledFrom([]bool{true, true, true, false})
)

// drawFiles makes a few certificate files, some of them the same certificate.
func drawFiles(t *rapid.T) map[string]file {
	byPath := map[string]file{}
	for _, path := range []string{"0", "1", "2", "3"} {
		leaf := rapid.SampledFrom([]string{"l", "m", "n"}).Draw(t, "leaf")
		byPath[path] = p12(push(leaf, "bundle", days(300)), rapid.SampledFrom([]string{"u", "v"}).Draw(t, "export"))
	}
	if !mostly.Draw(t, "readable") {
		delete(byPath, "3")
	}
	return byPath
}

var paths = rapid.SampledFrom([]string{"0", "1", "2", "3"})

// drawApp makes an app whose fields are its id's own more often than not.
func drawApp(t *rapid.T, id, pkg string) manifest.App {
	a := manifest.App{ID: id, AppName: "App " + id, AndroidPackage: pkg, GroupName: words.Draw(t, "group")}
	if !mostly.Draw(t, "own name") {
		a.AppName += words.Draw(t, "name")
	}
	a.Labels = map[string]string{"l": words.Draw(t, "label")}
	a.Protect = rapid.SampledFrom([]*bool{nil, nil, new(true), new(false)}).Draw(t, "protect")
	for _, env := range jpush.Environments {
		if rapid.Bool().Draw(t, string(env)) {
			if a.Certificates == nil {
				a.Certificates = map[jpush.Environment]manifest.Certificate{}
			}
			path := paths.Draw(t, "path")
			a.Certificates[env] = manifest.Certificate{File: path + ".p12", Path: path}
		}
	}
	return a
}

// drawPackages gives each id a package of its own, mostly the one of the same letter.
func drawPackages(t *rapid.T) []string {
	if mostly.Draw(t, "packages in order") {
		return packages
	}
	return rapid.Permutation(packages).Draw(t, "packages")
}

func drawManifest(t *rapid.T) *manifest.Manifest {
	m := &manifest.Manifest{Path: "jpsync.yaml", SHA256: digest("manifest")}
	pkgs := drawPackages(t)
	for _, id := range rapid.SliceOfDistinct(ids, rapid.ID[string]).Draw(t, "wanted") {
		m.Apps = append(m.Apps, drawApp(t, id, pkgs[id[0]-'a']))
	}
	return m
}

func drawState(t *rapid.T, byPath map[string]file) *state.State {
	st := applied(nil)
	pkgs := drawPackages(t)
	for _, id := range rapid.SliceOfDistinct(ids, rapid.ID[string]).Draw(t, "recorded") {
		like := drawApp(t, id, pkgs[id[0]-'a'])
		a := app(like.AppName, like.AndroidPackage, inGroup(like.GroupName))
		a.Protected = !mostly.Draw(t, "unprotected")
		a.Adopted = a.Protected && rapid.Bool().Draw(t, "adopted")
		for env, c := range like.Certificates {
			if f, ok := byPath[c.Path]; ok {
				with(env, f)(&a)
			}
		}
		st.Apps[id] = a
	}
	for _, id := range rapid.SliceOfNDistinct(ids, 0, 2, rapid.ID[string]).Draw(t, "pending") {
		op := rapid.SampledFrom([]state.Op{state.OpCreate, state.OpDelete}).Draw(t, "op")
		intent(st, id, state.Intent{Op: op, AndroidPackage: rapid.SampledFrom(packages).Draw(t, "of"), AppKey: st.Apps[id].AppKey})
	}
	return st
}

func drawOptions(t *rapid.T, m *manifest.Manifest, st *state.State) planner.Options {
	o := planner.Options{NoDelete: !mostly.Draw(t, "deletes")}
	for _, a := range m.Apps {
		if _, ok := st.Apps[a.ID]; !ok {
			continue
		}
		switch rapid.IntRange(0, 5).Draw(t, "settle") {
		case 0:
			o.Accept = append(o.Accept, a.ID)
		case 1:
			if !o.NoDelete {
				o.Replace = append(o.Replace, a.ID)
			}
		}
	}
	if mostly.Draw(t, "all") {
		return o
	}
	o.Selection.Excludes = rapid.SliceOfN(ids, 0, 3).Draw(t, "excludes")
	if rapid.Bool().Draw(t, "by label") {
		o.Selection.Labels = map[string]string{"l": words.Draw(t, "selected")}
	}
	return o
}

// drawPlan makes an input and its plan.
func drawPlan(t *rapid.T) (planner.Input, *planner.Plan) {
	byPath := drawFiles(t)
	m := drawManifest(t)
	in := input(m, drawState(t, byPath), &files{byPath: byPath})
	in.Options = drawOptions(t, m, in.State)
	p, err := planner.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return in, p
}

// No plan takes another app's package or a protected app, conflicts or not.
func TestPlansAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, p := drawPlan(t)
		protect := map[string]*bool{}
		for _, a := range in.Manifest.Apps {
			protect[a.ID] = a.Protect
		}
		for _, c := range p.Changes {
			rec := in.State.Apps[c.App]
			switch c.Action {
			case planner.Create:
				for id, other := range in.State.Apps {
					if other.AndroidPackage == c.AndroidPackage && id != c.App {
						t.Fatalf("%s is created with the package of %s", c.App, id)
					}
				}
			case planner.Delete:
				said := protect[c.App]
				if said != nil && *said || rec.Protected && (said == nil || *said) {
					t.Fatalf("%s is protected and deleted", c.App)
				}
				if in.Options.NoDelete {
					t.Fatalf("%s is deleted in spite of --no-delete", c.App)
				}
				if c.Reason == planner.Replace != slices.Contains(in.Options.Replace, c.App) {
					t.Fatalf("%s is deleted for the reason %s", c.App, c.Reason)
				}
			}
		}
	})
}

// stillToReplace are the ids that a plan does not replace although somebody asked for it: a
// certificate must not be sent, or they are not selected.
func stillToReplace(ids []string, p *planner.Plan) (left []string) {
	for _, id := range ids {
		if !slices.ContainsFunc(p.Changes, func(c planner.Change) bool { return c.App == id && c.Reason == planner.Replace }) {
			left = append(left, id)
		}
	}
	return left
}

// A plan can be carried out, and then there is nothing left to do but what it left out.
func TestPlansConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, p := drawPlan(t)
		if len(p.Conflicts) > 0 {
			return
		}
		after, err := perform(p, in.State)
		if err != nil {
			t.Fatal(err)
		}
		in.State = after
		asked := len(in.Options.Replace) // of apps that are not selected, perhaps: then it is still to do
		in.Options.Replace, in.Options.Accept = stillToReplace(in.Options.Replace, p), nil
		again, err := planner.Build(in)
		if err != nil {
			t.Fatal(err)
		}
		if !again.Empty() || len(again.Conflicts) > 0 {
			t.Fatalf("the second plan has %+v, %+v, %+v", again.Changes, again.Corrections, again.Conflicts)
		}
		if len(again.Errors) != len(p.Errors) || again.LeftOut > p.LeftOut || asked == 0 && again.LeftOut < p.LeftOut {
			t.Fatalf("left over were %d errors and %d apps, now %d and %d", len(p.Errors), p.LeftOut, len(again.Errors), again.LeftOut)
		}
	})
}

// The order: each app's steps together, deletes of apps that left at the end.
func TestPlansAreInOrder(t *testing.T) {
	rank := map[planner.Action]int{planner.Delete: 0, planner.Create: 1, planner.Upload: 2}
	rapid.Check(t, func(t *rapid.T) {
		_, p := drawPlan(t)
		seen := map[string]bool{}
		last := ""
		total := 0
		for _, chain := range p.Chains() {
			id := chain[0].App
			total += len(chain)
			if seen[id] {
				t.Fatalf("the steps of %s are apart", id)
			}
			seen[id] = true
			if chain[0].Reason == planner.Removed {
				if len(chain) > 1 || id < last {
					t.Fatalf("%s does not stand in its place among the deletes: %v", id, chain)
				}
				last = id
			} else if last != "" {
				t.Fatalf("%s comes after a delete", id)
			}
			for i := 1; i < len(chain); i++ {
				before, after := chain[i-1], chain[i]
				if rank[before.Action] > rank[after.Action] ||
					before.Action == after.Action && before.Environment >= after.Environment {
					t.Fatalf("%s: %s %s comes before %s %s", id, before.Action, before.Environment, after.Action, after.Environment)
				}
			}
		}
		if total != len(p.Changes) {
			t.Fatalf("the chains have %d steps, the plan %d", total, len(p.Changes))
		}
	})
}

// Every app is somewhere, once: changed, in conflict, held up by a certificate, left out or
// unchanged. And the counts are those of the lists.
func TestSummaryAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, p := drawPlan(t)
		count := map[planner.Action]int{}
		touched := map[string]bool{}
		for _, c := range p.Changes {
			count[c.Action]++
			touched[c.App] = true
		}
		for _, c := range p.Conflicts {
			touched[c.App] = true
			if c.Field == planner.FieldID && !listed(in.Manifest, c.Recorded) {
				touched[c.Recorded] = true // the owner is neither deleted nor left out
			}
		}
		for _, e := range p.Errors {
			touched[e.App] = true
		}
		want := planner.Summary{Create: count[planner.Create], Upload: count[planner.Upload], Delete: count[planner.Delete],
			Unchanged: p.Summary.Unchanged, Conflicts: len(p.Conflicts)}
		if p.Summary != want {
			t.Fatalf("the summary says %+v, the lists %+v", p.Summary, want)
		}
		all := map[string]bool{}
		for _, a := range in.Manifest.Apps {
			all[a.ID] = true
		}
		for id := range in.State.Apps {
			all[id] = true
		}
		// An owner that a rename left out is one app with the one that has its package now.
		if got := len(touched) + p.LeftOut + p.Summary.Unchanged; got > len(all) || got < len(all)-renames(in) {
			t.Fatalf("%d apps, of which %d are touched, %d left out, %d unchanged: %+v", len(all), len(touched), p.LeftOut, p.Summary.Unchanged, p)
		}
	})
}

func listed(m *manifest.Manifest, id string) bool {
	return slices.ContainsFunc(m.Apps, func(a manifest.App) bool { return a.ID == id })
}

// renames counts the recorded apps whose package came back under another id.
func renames(in planner.Input) (n int) {
	for id, rec := range in.State.Apps {
		if !listed(in.Manifest, id) && slices.ContainsFunc(in.Manifest.Apps, func(a manifest.App) bool { return a.AndroidPackage == rec.AndroidPackage }) {
			n++
		}
	}
	return n
}

// The same input gives the same plan, whatever order Go walks its maps in.
func TestPlansAreStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, p := drawPlan(t)
		first, err := planner.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			again, err := planner.Build(in)
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := planner.Encode(again); string(text) != string(first) {
				t.Fatalf("%s\nand then\n%s", first, text)
			}
		}
	})
}
