package planner_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/planner"
	"jpsync/state"
)

// A name in another Unicode form is the same name: of an id, a name and a group, whichever of
// manifest and state has which form.
func TestUnicodeForms(t *testing.T) {
	const composed, decomposed = "Caf\u00e9 \uac00", "Cafe\u0301 \u1100\u1161"
	for _, form := range [][2]string{{composed, decomposed}, {decomposed, composed}} {
		wanted, recorded := form[0], form[1]
		st := applied(map[string]state.App{recorded: app(recorded, "cn.example.cafe", inGroup(recorded))})
		m := load(t, "apps:\n  - {app_name: \""+wanted+"\", android_package: cn.example.cafe, group_name: \""+wanted+"\"}\n")
		planner.Align(m, st)
		assert.Equal(t, recorded, m.Apps[0].ID)
		assert.Equal(t, wanted, m.Apps[0].AppName, "what is sent stays as it is written")
		p, err := planner.Build(input(m, st, nil))
		require.NoError(t, err)
		assert.True(t, p.Empty())
		assert.Empty(t, p.Conflicts)

		in := input(m, st, nil)
		in.Options.Selection = planner.Selection{Targets: []string{wanted}, Excludes: []string{"x"}}
		require.NoError(t, planner.Selection{Targets: []string{wanted}}.Check(m, st))
		p, err = planner.Build(in)
		require.NoError(t, err)
		assert.Zero(t, p.LeftOut)

		spell := planner.Spelling(applied(nil))
		assert.Equal(t, wanted, spell(wanted))
		pending := intent(applied(nil), recorded, state.Intent{Op: state.OpCreate})
		assert.Equal(t, recorded, planner.Spelling(pending)(wanted))
	}
	// Another name is another name, although it looks alike.
	assert.Equal(t, "Ａ", planner.Spelling(applied(map[string]state.App{"A": news()}))("Ａ"))
}

// Packages that differ in case alone are two, which is hardly ever meant.
func TestPackagesThatDifferInCase(t *testing.T) {
	const near = "apps:\n  - {id: a, app_name: A, android_package: cn.example.shop}\n" +
		"  - {id: b, app_name: B, android_package: cn.example.Shop}\n  - {id: c, app_name: C, android_package: cn.example.shop2}\n"
	for target, about := range map[string]string{"*": "b", "b": "b", "a": "a", "c": ""} {
		in := input(load(t, near), applied(nil), nil)
		in.Options.Selection.Targets = []string{target}
		p, err := planner.Build(in)
		require.NoError(t, err)
		assert.Empty(t, p.Errors)
		if about == "" {
			assert.Empty(t, p.Warnings)
			continue
		}
		require.Len(t, p.Warnings, 1)
		assert.Equal(t, "package_case", p.Warnings[0].Code)
		assert.Equal(t, about, p.Warnings[0].App)
		assert.Contains(t, p.Warnings[0].Message, "cn.example.shop")
		assert.Contains(t, p.Warnings[0].Message, "cn.example.Shop")
	}
}
