package planner_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// everything is a plan in which every field is set somewhere.
func everything(t testing.TB) *planner.Plan {
	t.Helper()
	good, bad := p12(push("2026", bundle, days(300)), "export"), p12(push("bad", "cn.other", days(300)), "export")
	renewed := p12(push("2027", bundle, days(390)), "export")
	st := recorded(with(slot.prod, good), with(slot.dev, good))
	st.Apps["old"] = app("Old <&> 旧", "cn.example.old", inGroup("G"))
	in := input(load(t, twoCertificates+`
  - {id: fresh, app_name: Fresh, android_package: cn.example.fresh, group_name: G, protect: true,
     certificates: {production: {file: bad.p12, password: {file: bad.pass}}}, bundle_id: cn.example.fresh}
  - {id: mine, app_name: Mine, android_package: cn.example.mine, protect: true}
  - {id: other, app_name: Other, android_package: cn.example.taken}
`), st, &files{byPath: map[string]file{"shop.p12": renewed, "dev.p12": good, "bad.p12": bad}})
	st.Apps["mine"] = app("Mine", "cn.example.mine")
	st.Apps["taken"] = app("Other", "cn.example.taken")
	st.Apps["skipped"] = app("Skipped", "cn.example.skipped")
	in.Options.Selection.Excludes = []string{"skipped"}
	p, err := planner.Build(in)
	require.NoError(t, err)
	require.NotEmpty(t, p.Changes)
	require.NotEmpty(t, p.Corrections)
	require.NotEmpty(t, p.Conflicts)
	require.NotEmpty(t, p.Errors)
	require.NotZero(t, p.LeftOut)
	return p
}

func encode(t testing.TB, p *planner.Plan) []byte {
	t.Helper()
	data, err := planner.Encode(p)
	require.NoError(t, err)
	return data
}

func TestSavedPlanReadsBack(t *testing.T) {
	p := everything(t)
	data := encode(t, p)
	back, err := planner.Decode(data)
	require.NoError(t, err)
	require.Equal(t, p, back)
	require.Equal(t, string(data), string(encode(t, back)))
	require.True(t, bytes.HasSuffix(data, []byte("\n")))
}

func TestSavedPlansReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, p := drawPlan(t)
		data, err := planner.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := planner.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := planner.Encode(back)
		if err != nil || !bytes.Equal(data, again) {
			t.Fatalf("%v\n%s\nbecame\n%s", err, data, again)
		}
	})
}

// Whichever bit of the file is turned over, the plan is refused or is the same plan, as
// where the letters of a key change case.
func TestEveryBitOfASavedPlan(t *testing.T) {
	good := encode(t, everything(t))
	same := 0
	for i := range good {
		for bit := range 8 {
			data := bytes.Clone(good)
			data[i] ^= 1 << bit
			p, err := planner.Decode(data)
			if err != nil {
				continue
			}
			same++
			require.Equal(t, string(good), string(encode(t, p)), "byte %d, bit %d, %q", i, bit, data[max(0, i-20):min(len(data), i+20)])
		}
	}
	t.Logf("%d bits, of which %d make no difference", 8*len(good), same)
	for n := range len(good) - 1 {
		_, err := planner.Decode(good[:n])
		require.Error(t, err, "cut after %d bytes", n)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(encode(t, everything(t)))
	replace := func(old, with string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, with, 1)
	}
	const edited = "the plan was damaged or edited (its checksum does not fit): make it anew"
	const noPlan = "this is not a saved plan, or one that was damaged: make one with jpsync plan --out FILE"
	for name, c := range map[string]struct{ data, want string }{
		"nothing":           {"", noPlan},
		"another file":      {"version: 1\n", noPlan},
		"other JSON":        {`{"version": 1}`, noPlan},
		"no object":         {"[]", noPlan},
		"null":              {"null", noPlan},
		"two plans":         {good + good, noPlan},
		"a bracket behind":  {good + "]", noPlan},
		"newer":             {replace(`"format_version": 1`, `"format_version": 2`), "the plan has format version 2 and this jpsync reads 1: make the plan and apply it with the same jpsync"},
		"unknown field":     {replace(`"serial": 7`, `"serial": 7, "extra": 1`), `the plan is damaged (json: unknown field "extra"): make it anew`},
		"another serial":    {replace(`"serial": 7`, `"serial": 8`), edited},
		"another action":    {replace(`"action": "upload"`, `"action": "delete"`), edited},
		"another key":       {replace(`"app_key": "key-of-`, `"app_key": "kez-of-`), edited},
		"no checksum":       {replace(`"checksum": "sha256:`, `"checksum": "`), edited},
		"a conflict erased": {replace(`"conflicts": 1`, `"conflicts": 0`), edited},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := planner.Decode([]byte(c.data))
			require.EqualError(t, err, c.want)
			require.Nil(t, p)
		})
	}
}

func TestDecodeRefusesTheWrongType(t *testing.T) {
	data := bytes.Replace(encode(t, everything(t)), []byte(`"serial": 7`), []byte(`"serial": "7"`), 1)
	_, err := planner.Decode(data)
	require.ErrorContains(t, err, "the plan is damaged (json: cannot unmarshal string")
}

// A checksum can be made by anybody: what nothing could be done with is refused as well.
func TestDecodeRefusesHalfChanges(t *testing.T) {
	for name, c := range map[string]struct {
		change planner.Change
		want   string
	}{
		"no such action": {planner.Change{Action: "rename", App: "a"}, `the plan wants to "rename" the app "a", and there is no such action: make it anew`},
		"no certificate": {planner.Change{Action: planner.Upload, App: "a", Environment: slot.dev}, `the plan's upload for "a" names no certificate or no environment: make it anew`},
		"no environment": {planner.Change{Action: planner.Upload, App: "a", Environment: "staging", Certificate: &planner.Certificate{}},
			`the plan's upload for "a" names no certificate or no environment: make it anew`},
		"year 10000": {planner.Change{Action: planner.Upload, App: "a", Environment: slot.dev, Certificate: &planner.Certificate{
			Fingerprint: "f", NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -60*60))}},
			`the plan's upload for "a" has a certificate whose end no state can record: make it anew`},
	} {
		t.Run(name, func(t *testing.T) {
			p := everything(t)
			p.Changes = append(p.Changes, c.change)
			_, err := planner.Decode(encode(t, p))
			require.EqualError(t, err, c.want)
		})
	}
}

func TestDecodeRefusesStepsThatNoAppHas(t *testing.T) {
	step := func(a planner.Action) planner.Change {
		return planner.Change{Action: a, App: "a", AppKey: "key", Environment: slot.dev, Certificate: &planner.Certificate{Fingerprint: "f"}}
	}
	const create, upload, remove = planner.Create, planner.Upload, planner.Delete
	for _, good := range [][]planner.Action{{create}, {upload, upload}, {remove}, {create, upload, upload}, {remove, create}, {remove, create, upload}} {
		p := &planner.Plan{FormatVersion: planner.FormatVersion}
		counts := map[planner.Action]int{}
		for _, a := range good {
			p.Changes = append(p.Changes, step(a))
			counts[a]++
		}
		_, err := planner.Decode(encode(t, p))
		require.EqualError(t, err, "the plan's summary does not fit its actions: make it anew", good)
		p.Summary = planner.Summary{Create: counts[create], Upload: counts[upload], Delete: counts[remove]}
		_, err = planner.Decode(encode(t, p))
		require.NoError(t, err, good)
	}
	for _, bad := range [][]planner.Action{{create, remove}, {create, create}, {upload, create}, {upload, remove}, {remove, upload}, {remove, remove},
		{remove, create, remove}, {remove, create, create}, {create, upload, create}} {
		p := &planner.Plan{FormatVersion: planner.FormatVersion}
		for _, a := range bad {
			p.Changes = append(p.Changes, step(a))
		}
		_, err := planner.Decode(encode(t, p))
		require.ErrorContains(t, err, `for the app "a": make it anew`, bad)
	}
}

// A saved plan has no secret in it, and the master secrets of the state are the ones that a
// plan comes near.
func TestSavedPlanHasNoSecret(t *testing.T) {
	require.NotContains(t, string(encode(t, everything(t))), "secret-of-")
}

func TestVerify(t *testing.T) {
	p := &planner.Plan{Manifest: planner.ManifestRef{Path: "m", SHA256: "aa"}, State: planner.StateRef{Lineage: "L", Serial: 3},
		Endpoint: "https://e/", Account: "key"}
	same := func() planner.Input {
		return planner.Input{Manifest: &manifest.Manifest{SHA256: "aa"}, State: &state.State{Lineage: "L", Serial: 3}, Endpoint: "https://e/", Account: "key"}
	}
	require.NoError(t, p.CheckFresh(same()))

	fresh := *p
	fresh.State = planner.StateRef{}
	unknown := *p
	unknown.Account = ""
	for name, c := range map[string]struct {
		plan *planner.Plan
		edit func(*planner.Input)
		want string
	}{
		"manifest":       {p, func(n *planner.Input) { n.Manifest.SHA256 = "bb" }, "the manifest has changed"},
		"serial":         {p, func(n *planner.Input) { n.State.Serial = 4 }, "the state has changed (serial 3, now 4): something was applied since, perhaps this plan"},
		"older serial":   {p, func(n *planner.Input) { n.State.Serial = 2 }, "the state has changed (serial 3, now 2): something was applied since, perhaps this plan"},
		"lineage":        {p, func(n *planner.Input) { n.State.Lineage = "M" }, "it was made from another state (lineage L, now M)"},
		"state gone":     {p, func(n *planner.Input) { n.State.Serial = 0 }, "it was made from another state (lineage L, now none)"},
		"endpoint":       {p, func(n *planner.Input) { n.Endpoint = "http://x/" }, "it was made for the endpoint https://e/, not for http://x/"},
		"account":        {p, func(n *planner.Input) { n.Account = "other" }, "it was made for the account key, not for other"},
		"no account":     {p, func(n *planner.Input) { n.Account = "" }, "it was made for the account key, not for none"},
		"empty, applied": {&fresh, func(n *planner.Input) { n.State.Serial = 1 }, "it was made before the first apply, and the state has been written since (serial 1)"},
		"all at once": {p, func(n *planner.Input) { *n = planner.Input{Manifest: &manifest.Manifest{}, State: &state.State{}} },
			"it was made from another state (lineage L, now none); the manifest has changed; it was made for the endpoint https://e/, not for ; it was made for the account key, not for none"},
		"account not known then": {&unknown, func(n *planner.Input) { n.Account = "any" }, ""},
		"empty, still empty":     {&fresh, func(n *planner.Input) { n.State.Serial = 0 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			moved := same()
			c.edit(&moved)
			err := c.plan.CheckFresh(moved)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "the plan is stale and nothing was sent: "+c.want+": make a new plan")
			var stale *planner.StaleError
			require.ErrorAs(t, err, &stale)
		})
	}
}

// The second use of a plan fails: the first one moved the serial, also that of a state
// which was not there yet.
func TestPlanIsGoodForOneApply(t *testing.T) {
	for name, st := range map[string]*state.State{"first apply": state.New(), "later": applied(map[string]state.App{"shop": shop()})} {
		t.Run(name, func(t *testing.T) {
			in := input(load(t, shopAndNews), st, &files{})
			p, err := planner.Build(in)
			require.NoError(t, err)
			require.NoError(t, p.CheckFresh(in))
			in.State, err = perform(p, st)
			require.NoError(t, err)
			require.Error(t, p.CheckFresh(in))
		})
	}
}

// A lineage that was made up for a state which no store has seen is no pin yet.
func TestRefToAnUnwrittenState(t *testing.T) {
	st := state.New()
	st.Lineage = "about to be"
	require.Zero(t, planner.RefTo(st))
	st.Serial = 1
	require.Equal(t, planner.StateRef{Lineage: "about to be", Serial: 1}, planner.RefTo(st))
}

func FuzzDecode(f *testing.F) {
	good := encode(f, everything(f))
	f.Add(good)
	f.Add([]byte(`{"format_version":1}`))
	f.Add([]byte(`{"format_version":1,"actions":[{"action":"upload"}],"checksum":"sha256:"}`))
	f.Add(bytes.Replace(good, []byte(`"actions"`), []byte(`"ACTIONS"`), 1))
	compact := &bytes.Buffer{}
	require.NoError(f, json.Compact(compact, good))
	f.Add(compact.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := planner.Decode(data)
		if err != nil {
			require.Nil(t, p)
			return
		}
		back, err := planner.Decode(encode(t, p))
		require.NoError(t, err)
		require.Equal(t, string(encode(t, p)), string(encode(t, back)))
		p.Chains()
	})
}
