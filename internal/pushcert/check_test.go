package pushcert

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// good is a certificate that nothing speaks against, half a year before its end.
func good() Certificate {
	return Certificate{
		BundleID: "cn.example.shop", CommonName: "Apple Push Services: cn.example.shop",
		Development: true, Production: true, PushCertificate: true, HasKey: true, KeyMatches: true,
		NotBefore: testNow.AddDate(0, -7, 0), NotAfter: testNow.AddDate(0, 6, 0), Fingerprint: "aa",
	}
}

func goodExpect() Expect {
	return Expect{Environment: "production", BundleID: "cn.example.shop", Now: testNow, RenewBefore: 30 * 24 * time.Hour}
}

func TestCheck(t *testing.T) {
	type finding struct {
		Code     Code
		Severity Severity
	}
	failed := func(c Code) []finding { return []finding{{c, SeverityError}} }
	warned := func(c Code) []finding { return []finding{{c, SeverityWarning}} }
	tests := []struct {
		name string
		with func(*Certificate, *Expect)
		want []finding
	}{
		{"nothing", func(*Certificate, *Expect) {}, nil},
		{"no bundle expected", func(_ *Certificate, e *Expect) { e.BundleID = "" }, nil},
		{"development slot", func(_ *Certificate, e *Expect) { e.Environment = "development" }, nil},

		{"expired", func(c *Certificate, e *Expect) { e.Now = c.NotAfter.Add(time.Second) }, failed(CodeExpired)},
		{"the last second", func(c *Certificate, e *Expect) { e.Now = c.NotAfter }, warned(CodeExpiresSoon)},
		{"not yet valid", func(c *Certificate, e *Expect) { e.Now = c.NotBefore.Add(-time.Second) }, failed(CodeNotYetValid)},
		{"the first second", func(c *Certificate, e *Expect) { e.Now = c.NotBefore }, nil},
		{"expires soon", func(c *Certificate, e *Expect) { e.Now = c.NotAfter.Add(-e.RenewBefore + time.Second) }, warned(CodeExpiresSoon)},
		{"expires just late enough", func(c *Certificate, e *Expect) { e.Now = c.NotAfter.Add(-e.RenewBefore) }, nil},
		{"no renewal asked for", func(c *Certificate, e *Expect) { e.Now, e.RenewBefore = c.NotAfter, 0 }, nil},

		{"development in the production slot", func(c *Certificate, _ *Expect) { c.Production = false }, failed(CodeWrongEnvironment)},
		{"production in the development slot", func(c *Certificate, e *Expect) { c.Development, e.Environment = false, "development" }, failed(CodeWrongEnvironment)},
		{"development in its slot", func(c *Certificate, e *Expect) { c.Production, e.Environment = false, "development" }, nil},
		{"production in its slot", func(c *Certificate, _ *Expect) { c.Development = false }, nil},

		{"no push", func(c *Certificate, _ *Expect) { c.PushCertificate, c.Development, c.Production = false, false, false }, failed(CodeNotPush)},
		{"another bundle", func(c *Certificate, _ *Expect) { c.BundleID = "cn.example.other" }, failed(CodeWrongBundle)},
		{"another case", func(c *Certificate, _ *Expect) { c.BundleID = "cn.example.Shop" }, failed(CodeWrongBundle)},
		{"no bundle at all", func(c *Certificate, _ *Expect) { c.BundleID = "" }, failed(CodeWrongBundle)},
		{"no key", func(c *Certificate, _ *Expect) { c.HasKey, c.KeyMatches = false, false }, failed(CodeNoKey)},
		{"another's key", func(c *Certificate, _ *Expect) { c.KeyMatches = false }, failed(CodeKeyMismatch)},

		{"VoIP", func(c *Certificate, _ *Expect) { c.VoIP, c.BundleID = true, "cn.example.shop.voip" }, warned(CodeVoIP)},
		{"VoIP of an app whose bundle ends so", func(c *Certificate, e *Expect) {
			c.VoIP, c.BundleID, e.BundleID = true, "cn.example.shop.voip", "cn.example.shop.voip"
		}, warned(CodeVoIP)},
		{"VoIP of another app", func(c *Certificate, _ *Expect) { c.VoIP, c.BundleID = true, "cn.other.voip" },
			[]finding{{CodeWrongBundle, SeverityError}, {CodeVoIP, SeverityWarning}}},
		{"watch", func(c *Certificate, _ *Expect) { c.Watch = true }, warned(CodeWatch)},

		{"empty password", func(_ *Certificate, e *Expect) { e.Password = FactsOf("") }, warned(CodePasswordEmpty)},
		{"password not ASCII", func(_ *Certificate, e *Expect) { e.Password = FactsOf("密码") }, warned(CodePasswordNotASCII)},
		{"good password", func(_ *Certificate, e *Expect) { e.Password = FactsOf("a b~!0") }, nil},

		{"newer than recorded", func(c *Certificate, e *Expect) {
			e.RecordedNotAfter = c.NotAfter.AddDate(0, 0, -1)
		}, nil},
		{"older than recorded", func(c *Certificate, e *Expect) {
			e.RecordedNotAfter = c.NotAfter.Add(time.Second)
		}, warned(CodeOlderThanRecorded)},

		{"a look-alike", func(c *Certificate, _ *Expect) { c.TestOnly = true }, warned(CodeTestCertificate)},
		{"everything at once, errors first", func(c *Certificate, e *Expect) {
			c.HasKey, c.Production, c.BundleID, c.TestOnly = false, false, "x", true
			e.Now = c.NotAfter.AddDate(1, 0, 0)
		}, []finding{{CodeNoKey, SeverityError}, {CodeExpired, SeverityError}, {CodeWrongEnvironment, SeverityError},
			{CodeWrongBundle, SeverityError}, {CodeTestCertificate, SeverityWarning}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, e := good(), goodExpect()
			tt.with(&c, &e)
			var got []finding
			for _, f := range Check(&c, e) {
				got = append(got, finding{f.Code, f.Severity})
				assert.NotEmpty(t, f.Message)
				assert.NotEmpty(t, f.Remedy)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestCheckSaysWhatDiffers(t *testing.T) {
	c, e := good(), goodExpect()
	c.Production = false
	c.BundleID = "cn.example.Shop"
	c.NotAfter = testNow.Add(25 * time.Hour)
	fs := Check(&c, e)
	if assert.Len(t, fs, 3) {
		assert.Equal(t, "a development certificate stands in the production slot", fs[0].Message)
		assert.Equal(t, `the certificate is for "cn.example.Shop", the app's bundle_id is "cn.example.shop": they differ in upper and lower case`, fs[1].Message)
		assert.Equal(t, "the certificate expires on 2026-05-05, in 1 day", fs[2].Message)
	}
	c.NotAfter = testNow.Add(time.Hour)
	assert.Equal(t, "the certificate expires on 2026-05-04, in less than a day", Check(&c, e)[2].Message)
	c.NotAfter = testNow.AddDate(0, 0, 20)
	assert.Equal(t, "the certificate expires on 2026-05-24, in 20 days", Check(&c, e)[2].Message)
}

func TestFactsOf(t *testing.T) {
	assert.Equal(t, PasswordFacts{Empty: true}, FactsOf(""))
	assert.Equal(t, PasswordFacts{}, FactsOf(" aZ09~"))
	for _, p := range []string{"é", "a\n", "\x7f", "\xff"} {
		assert.Equal(t, PasswordFacts{NotASCII: true}, FactsOf(p), "%q", p)
	}
}
