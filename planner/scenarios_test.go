package planner_test

import (
	"slices"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

// scenarios are stories about apps here, about certificates in certificates_test.go.
func scenarios() []scenario {
	return slices.Concat(appScenarios(), guardScenarios(), selectionScenarios(), certificateScenarios(), brokenCertificates())
}

const shopAndNews = `
apps:
  - {id: shop, app_name: 商城, android_package: cn.example.shop, group_name: Retail}
  - {id: news, app_name: News, android_package: cn.example.news}
`

func shop(edits ...func(*state.App)) state.App {
	return app("商城", "cn.example.shop", append([]func(*state.App){inGroup("Retail")}, edits...)...)
}

func news(edits ...func(*state.App)) state.App { return app("News", "cn.example.news", edits...) }

func both() *state.State { return applied(map[string]state.App{"shop": shop(), "news": news()}) }

// intent adds a request without an answer to a state.
func intent(st *state.State, id string, in state.Intent) *state.State {
	in.At = days(-1)
	st.Pending[id] = in
	return st
}

func appScenarios() []scenario {
	prod := p12(push("shop", "cn.example.shop.ios", days(300)), "export")
	dev := p12(push("shop dev", "cn.example.shop.ios", days(300)), "export")
	return []scenario{
		{name: "first-run", files: map[string]file{"certs/prod.p12": prod, "certs/dev.p12": dev}, manifest: `
apps:
  - id: shop
    app_name: 商城
    android_package: cn.example.shop
    group_name: Retail
    protect: true
    certificates:
      production: {file: certs/prod.p12, password: {env: SHOP_P12_PASSWORD}}
      development: {file: certs/dev.p12, password: {file: certs/dev.pass}}
  - {id: news, app_name: News, android_package: cn.example.news}
`},
		{name: "nothing-to-do", manifest: shopAndNews, state: both()},
		{name: "deletes-come-last-and-sorted",
			manifest: "apps:\n  - {id: zebra, app_name: Z, android_package: cn.example.zebra}\n  - {id: shop, app_name: 商城, android_package: cn.example.shop, group_name: Retail}\n",
			state: applied(map[string]state.App{"shop": shop(), "b": app("B", "cn.example.b"),
				"a": app("A", "cn.example.a", inGroup("Old")), "c": app("C", "cn.example.c")})},
		{name: "replace-in-place", state: both(), options: planner.Options{Replace: []string{"shop"}},
			files: map[string]file{"certs/prod.p12": prod}, manifest: `
apps:
  - id: shop
    app_name: 商城 2
    android_package: cn.example.shop2
    certificates: {production: {file: certs/prod.p12}}
  - {id: news, app_name: News, android_package: cn.example.news}
`},
		{name: "every-field-differs", rest: blocked, state: both(), manifest: `
apps:
  - {id: shop, app_name: Shop, android_package: cn.example.mall, group_name: Wholesale}
  - {id: news, app_name: News, android_package: cn.example.news, group_name: Media}
`},
		{name: "accept", state: both(), options: planner.Options{Accept: []string{"shop"}}, manifest: `
apps:
  - {id: shop, app_name: Shop, android_package: cn.example.mall}
  - {id: news, app_name: News, android_package: cn.example.news}
`},
		{name: "accept-one-replace-another", state: both(),
			options: planner.Options{Accept: []string{"shop"}, Replace: []string{"news"}}, manifest: `
apps:
  - {id: shop, app_name: Shop, android_package: cn.example.shop, group_name: Retail}
  - {id: news, app_name: Newspaper, android_package: cn.example.news}
`},
		{name: "rename", rest: blocked, state: both(), manifest: `
apps:
  - {id: mall, app_name: 商城, android_package: cn.example.shop, group_name: Retail}
  - {id: news, app_name: News, android_package: cn.example.news}
`},
		{name: "rename-of-id-and-name", rest: blocked, state: applied(map[string]state.App{"old shop": shop()}), manifest: `
apps:
  - {id: "it's new", app_name: New shop, android_package: cn.example.shop, group_name: Retail}
`},
		{name: "packages-swapped", rest: blocked, state: both(), manifest: `
apps:
  - {id: shop, app_name: 商城, android_package: cn.example.news, group_name: Retail}
  - {id: news, app_name: News, android_package: cn.example.shop}
`},
		{name: "packages-swapped-and-replaced", rest: blocked, state: both(), options: planner.Options{Replace: []string{"shop", "news"}}, manifest: `
apps:
  - {id: shop, app_name: 商城, android_package: cn.example.news, group_name: Retail}
  - {id: news, app_name: News, android_package: cn.example.shop}
`},
		{name: "package-of-a-replaced-app", rest: blocked, state: applied(map[string]state.App{"shop": shop()}),
			options: planner.Options{Replace: []string{"shop"}}, manifest: `
apps:
  - {id: heir, app_name: Heir, android_package: cn.example.shop}
  - {id: shop, app_name: 商城, android_package: cn.example.shop2, group_name: Retail}
`},
		{name: "package-of-an-orphan", rest: blocked, state: both(), options: planner.Options{Replace: []string{"shop"}}, manifest: `
apps:
  - {id: shop, app_name: 商城, android_package: cn.example.news, group_name: Retail}
`},
		{name: "pending-requests", rest: nothing, manifest: shopAndNews,
			state: intent(intent(intent(applied(map[string]state.App{"shop": shop()}),
				"news", state.Intent{Op: state.OpCreate, AppName: "News", AndroidPackage: "cn.example.news"}),
				"lost", state.Intent{Op: state.OpCreate, AppName: "Lost", AndroidPackage: "cn.example.lost"}),
				"shop", state.Intent{Op: state.OpDelete, AppKey: "key-of-cn.example.shop"})},
	}
}

func guardScenarios() []scenario {
	const protectedShop = `
apps:
  - {id: shop, app_name: 商城, android_package: cn.example.shop, group_name: Retail, protect: true}
  - {id: news, app_name: News, android_package: cn.example.news}
`
	const freeShop = `
apps:
  - {id: shop, app_name: 商城, android_package: cn.example.shop, group_name: Retail, protect: false}
  - {id: news, app_name: News, android_package: cn.example.news}
`
	onlyNews := "apps:\n  - {id: news, app_name: News, android_package: cn.example.news}\n"
	shopIs := func(edit func(*state.App)) *state.State {
		return applied(map[string]state.App{"shop": shop(edit), "news": news()})
	}
	replace := planner.Options{Replace: []string{"shop"}}
	return []scenario{
		{name: "protect-is-new", manifest: protectedShop, state: both()},
		{name: "protect-blocks-replace", rest: blocked, manifest: protectedShop, state: both(), options: replace},
		{name: "recorded-protection-blocks-replace", rest: blocked, manifest: shopAndNews, state: shopIs(kept), options: replace},
		{name: "recorded-protection-blocks-delete", rest: blocked, manifest: onlyNews, state: shopIs(kept)},
		{name: "adopted-blocks-delete", rest: blocked, manifest: onlyNews, state: shopIs(adopted)},
		{name: "adopted-stays-protected", manifest: shopAndNews, state: shopIs(adopted)},
		{name: "protect-false-releases", manifest: freeShop, state: shopIs(adopted)},
		{name: "protect-false-lets-replace", manifest: freeShop, state: shopIs(adopted), options: replace},
		{name: "protect-removed", manifest: shopAndNews, state: shopIs(kept)},
		{name: "no-delete", rest: leftOver, manifest: onlyNews, state: shopIs(kept), options: planner.Options{NoDelete: true}},
	}
}

func selectionScenarios() []scenario {
	const teams = `
apps:
  - {id: retail-shop, app_name: Shop, android_package: cn.example.shop, labels: {team: retail, tier: gold}}
  - {id: retail-mall, app_name: Mall, android_package: cn.example.mall, labels: {team: retail}}
  - {id: news, app_name: News, android_package: cn.example.news, labels: {team: media}}
`
	old := applied(map[string]state.App{"retail-old": app("Old", "cn.example.old"), "old": app("Old 2", "cn.example.old2")})
	selecting := func(s planner.Selection) planner.Options { return planner.Options{Selection: s} }
	renamed := "apps:\n  - {id: new, app_name: Old 2, android_package: cn.example.old2}\n"
	return []scenario{
		{name: "target", rest: leftOver, manifest: teams, state: old, options: selecting(planner.Selection{Targets: []string{"retail-*"}})},
		{name: "exclude", rest: leftOver, manifest: teams, state: old,
			options: selecting(planner.Selection{Targets: []string{"*"}, Excludes: []string{"retail-[mo]*", "old"}})},
		{name: "select", rest: leftOver, manifest: teams, state: old,
			options: selecting(planner.Selection{Labels: map[string]string{"team": "retail", "tier": "gold"}})},
		{name: "conflict-not-selected", rest: leftOver, state: both(), options: selecting(planner.Selection{Excludes: []string{"shop"}}), manifest: `
apps:
  - {id: shop, app_name: Shop, android_package: cn.example.shop, group_name: Retail}
  - {id: news, app_name: News, android_package: cn.example.news, protect: true}
`},
		{name: "record-not-selected", rest: leftOver, state: both(), options: selecting(planner.Selection{Excludes: []string{"news"}}), manifest: `
apps:
  - {id: shop, app_name: 商城, android_package: cn.example.shop, group_name: Retail}
  - {id: news, app_name: News, android_package: cn.example.news, protect: true}
`},
		{name: "rename-with-only-the-old-id-selected", rest: blocked, manifest: renamed, state: old,
			options: selecting(planner.Selection{Targets: []string{"old"}})},
		{name: "rename-not-selected", rest: leftOver, manifest: renamed, state: old,
			options: selecting(planner.Selection{Targets: []string{"retail-*"}})},
		{name: "orphaned-owner-goes-first", rest: leftOver, state: both(), options: selecting(planner.Selection{Targets: []string{"news"}}), manifest: `
apps:
  - {id: shop, app_name: 商城, android_package: cn.example.news, group_name: Retail}
`},
		{name: "replacement-not-selected", rest: leftOver, state: both(), manifest: `
apps:
  - {id: shop, app_name: Shop, android_package: cn.example.shop, group_name: Retail}
  - {id: news, app_name: News, android_package: cn.example.news}
`, options: planner.Options{Replace: []string{"shop"}, Selection: planner.Selection{Targets: []string{"news"}}}},
	}
}

var slot = struct{ dev, prod jpush.Environment }{jpush.Development, jpush.Production}
