package planner_test

import (
	"errors"
	"fmt"

	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

const oneCertificate = `
apps:
  - id: shop
    app_name: Shop
    android_package: cn.example.shop
    bundle_id: cn.example.shop.ios
    certificates:
      production: {file: shop.p12, password: {env: SHOP_P12_PASSWORD}}
`

const twoCertificates = oneCertificate + "      development: {file: dev.p12}\n"

const bundle = "cn.example.shop.ios"

// recorded is a state with the app of these manifests and what was uploaded for it.
func recorded(edits ...func(*state.App)) *state.State {
	return applied(map[string]state.App{"shop": app("Shop", "cn.example.shop", edits...)})
}

// edited is a file whose certificate is not quite right.
func edited(f file, edit func(*pushcert.Certificate)) file {
	c := *f.holds
	edit(&c)
	f.holds = &c
	return f
}

func certificateScenarios() []scenario {
	good := p12(push("2026", bundle, days(300)), "export")
	renewed := p12(push("2027", bundle, days(390)), "export")
	again := p12(good.holds, "export under another password")
	soon := p12(push("soon", bundle, days(10)), "export")
	tomorrow := p12(push("tomorrow", bundle, days(1)), "export")
	gone := p12(push("gone", bundle, days(-1)), "export")
	old := p12(push("old", bundle, days(200)), "export")
	only := func(f file) map[string]file { return map[string]file{"shop.p12": f} }
	none := []string{}
	return []scenario{
		{name: "certificate-unchanged", manifest: oneCertificate, state: recorded(with(slot.prod, good)), files: only(good), opens: none},
		{name: "certificate-exported-again", manifest: oneCertificate, state: recorded(with(slot.prod, good)), files: only(again), opens: []string{"shop.p12"}},
		{name: "certificate-renewed", manifest: oneCertificate, state: recorded(with(slot.prod, good)), files: only(renewed), opens: []string{"shop.p12"}},
		{name: "certificate-older", manifest: oneCertificate, state: recorded(with(slot.prod, good)), files: only(old)},
		{name: "certificate-is-new", manifest: oneCertificate, state: recorded(), files: only(good)},
		{name: "certificate-dropped", state: recorded(with(slot.prod, good)),
			manifest: "apps:\n  - {id: shop, app_name: Shop, android_package: cn.example.shop}\n"},
		{name: "certificate-switched-off", state: recorded(with(slot.prod, good), with(slot.dev, good)), files: map[string]file{"dev.p12": good}, manifest: `
defaults: {certificates: {production: {file: shop.p12}, development: {file: dev.p12}}}
apps:
  - {id: shop, app_name: Shop, android_package: cn.example.shop, certificates: {production: null}}
`, opens: none},
		{name: "certificate-of-a-new-environment", manifest: twoCertificates, state: recorded(with(slot.prod, good)),
			files: map[string]file{"shop.p12": good, "dev.p12": renewed}, opens: []string{"dev.p12"}},
		{name: "certificate-expires-soon", manifest: twoCertificates, state: recorded(with(slot.prod, soon), with(slot.dev, tomorrow)),
			files: map[string]file{"shop.p12": soon, "dev.p12": tomorrow}, opens: none},
		{name: "certificate-expired", manifest: oneCertificate, state: recorded(with(slot.prod, gone)), files: only(gone), opens: none},
		{name: "certificate-shared", files: map[string]file{"all.p12": good, "own.p12": renewed}, manifest: `
defaults: {certificates: {production: {file: all.p12}}}
apps:
  - {id: a, app_name: A, android_package: cn.example.a, certificates: {development: {file: own.p12}}}
  - {id: b, app_name: B, android_package: cn.example.b, certificates: {development: {file: all.p12}}}
  - {id: c, app_name: C, android_package: cn.example.c, certificates: {development: {file: own.p12}}}
  - {id: d, app_name: D, android_package: cn.example.d}
  - {id: e, app_name: E, android_package: cn.example.e}
`},
		{name: "certificate-shared-and-selected", rest: leftOver, files: map[string]file{"all.p12": good},
			options: planner.Options{Selection: planner.Selection{Labels: map[string]string{"team": "x"}}}, manifest: `
defaults: {certificates: {production: {file: all.p12}}}
apps:
  - {id: a, app_name: A, android_package: cn.example.a}
  - {id: b, app_name: B, android_package: cn.example.b, labels: {team: x}}
`},
		{name: "certificate-is-a-look-alike", manifest: oneCertificate, state: recorded(),
			files: only(edited(good, func(c *pushcert.Certificate) { c.TestOnly = true }))},
		{name: "certificate-is-a-look-alike-in-rehearsal", manifest: oneCertificate, state: recorded(), options: planner.Options{Rehearsal: true},
			files: only(edited(good, func(c *pushcert.Certificate) { c.TestOnly = true }))},
		{name: "certificate-exported-again-not-selected", manifest: oneCertificate, state: recorded(with(slot.prod, good)),
			files: only(good), options: planner.Options{Selection: planner.Selection{Targets: []string{"other"}}}},
	}
}

func brokenCertificates() []scenario {
	good := p12(push("2026", bundle, days(300)), "export")
	foreign := p12(push("foreign", "cn.other.app", days(300)), "export")
	locked := file{sum: digest("locked"), err: fmt.Errorf("shop.p12: %w",
		&manifest.ReadError{Kind: "secret", Env: "SHOP_P12_PASSWORD", Err: manifest.ErrUnset})}
	odd := file{sum: digest("odd"), err: errors.New("shop.p12: the disk said no")}
	expired := p12(push("gone", bundle, days(-1)), "export")
	only := func(f file) map[string]file { return map[string]file{"shop.p12": f} }
	const anyBundle = `
apps:
  - id: shop
    app_name: Shop
    android_package: cn.example.shop
    certificates: {production: {file: shop.p12}, development: {file: dev.p12}}
`
	return []scenario{
		{name: "password-missing", rest: leftOver, manifest: oneCertificate, files: only(locked)},
		{name: "password-missing-and-file-differs", rest: leftOver, manifest: oneCertificate, state: recorded(with(slot.prod, good)), files: only(locked)},
		{name: "password-missing-and-file-unchanged", manifest: oneCertificate, state: recorded(with(slot.prod, good)),
			files: only(file{sum: good.sum, err: locked.err}), opens: []string{}},
		{name: "file-missing", rest: leftOver, manifest: oneCertificate, state: recorded(), files: only(odd), options: planner.Options{AllowCert: []string{"file_unreadable"}}},
		{name: "file-missing-not-selected", rest: leftOver, manifest: oneCertificate, state: recorded(),
			options: planner.Options{Selection: planner.Selection{Targets: []string{"other"}}}},
		{name: "wrong-bundle", rest: leftOver, manifest: oneCertificate, state: recorded(), files: only(foreign)},
		{name: "wrong-environment-and-no-key", rest: leftOver, manifest: oneCertificate, state: recorded(),
			files: only(edited(good, func(c *pushcert.Certificate) { c.Production, c.HasKey = false, false }))},
		{name: "expired-file", rest: leftOver, manifest: oneCertificate, state: recorded(), files: only(expired)},
		{name: "expired-file-allowed", manifest: oneCertificate, state: recorded(), files: only(expired), options: planner.Options{AllowCert: []string{"expired"}}},
		{name: "bundles-differ", rest: leftOver, manifest: anyBundle, state: recorded(), files: map[string]file{"shop.p12": good, "dev.p12": foreign}},
		{name: "bundles-differ-from-the-recorded-one", rest: leftOver, manifest: anyBundle, state: recorded(with(slot.prod, good)),
			files: map[string]file{"shop.p12": good, "dev.p12": foreign}, opens: []string{"dev.p12"}},
		{name: "bundles-differ-allowed", manifest: anyBundle, state: recorded(), files: map[string]file{"shop.p12": good, "dev.p12": foreign},
			options: planner.Options{AllowCert: []string{"bundles_differ"}}},
		{name: "bundle-of-a-voip-certificate", manifest: anyBundle, state: recorded(), files: map[string]file{"shop.p12": good,
			"dev.p12": edited(p12(push("voip", bundle+".voip", days(300)), "export"), func(c *pushcert.Certificate) { c.VoIP = true })}},
		{name: "bundle-changed", rest: leftOver, manifest: anyBundle, state: recorded(with(slot.prod, good), with(slot.dev, good)),
			files: map[string]file{"shop.p12": foreign, "dev.p12": good}},
		{name: "bundle-changed-allowed", manifest: anyBundle, state: recorded(with(slot.prod, good), with(slot.dev, good)),
			files: map[string]file{"shop.p12": foreign, "dev.p12": foreign}, options: planner.Options{AllowCert: []string{"bundle_changed"}}},
		{name: "bundle-changes-by-replacement", manifest: anyBundle, state: recorded(with(slot.prod, good), with(slot.dev, good)),
			files: map[string]file{"shop.p12": foreign, "dev.p12": foreign}, options: planner.Options{Replace: []string{"shop"}}},
	}
}
