package pushcert

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Severity says whether a finding prevents the upload.
type Severity string

// The two severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Code is a stable name of a finding.
type Code string

// The findings of [Check].
const (
	CodeNoKey             Code = Code(NoKey)
	CodeKeyMismatch       Code = Code(KeyMismatch)
	CodeNotPush           Code = "not_push"
	CodeExpired           Code = "expired"
	CodeNotYetValid       Code = "not_yet_valid"
	CodeExpiresSoon       Code = "expires_soon"
	CodeWrongEnvironment  Code = "wrong_environment"
	CodeWrongBundle       Code = "wrong_bundle"
	CodeVoIP              Code = "voip"
	CodeWatch             Code = "watch"
	CodePasswordNotASCII  Code = "password_not_ascii"
	CodePasswordEmpty     Code = "password_empty"
	CodeOlderThanRecorded Code = "older_than_recorded"
	CodeTestCertificate   Code = "test_certificate"
)

// Finding is a problem with a certificate that is about to be uploaded.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Remedy   string   `json:"remedy,omitempty"`
}

// PasswordFacts is what [Check] knows about a password.
type PasswordFacts struct {
	Empty    bool
	NotASCII bool
}

// FactsOf returns the facts about a password, so that the password itself stays behind.
func FactsOf(password string) PasswordFacts {
	notASCII := strings.ContainsFunc(password, func(r rune) bool { return r > 0x7e || r < 0x20 })
	return PasswordFacts{Empty: password == "", NotASCII: notASCII}
}

// Expect is what a certificate is checked against.
type Expect struct {
	Environment string // where it is uploaded to: "development" or "production"
	BundleID    string // the app's; empty: not checked
	Password    PasswordFacts
	Now         time.Time
	RenewBefore time.Duration // warn when less than this is left; 0: never
	// The expiry of the certificate that it replaces; zero if there is none.
	RecordedNotAfter time.Time
}

// Check returns what is wrong with uploading a certificate, errors first. It looks at one
// certificate. The caller compares those of several apps, by Fingerprint and
// [Certificate.App].
func Check(c *Certificate, want Expect) []Finding {
	var fs findings
	fs.errors(c, want)
	fs.warnings(c, want)
	return fs
}

type findings []Finding

func (fs *findings) fail(code Code, message, remedy string) {
	*fs = append(*fs, Finding{code, SeverityError, message, remedy})
}

func (fs *findings) warn(code Code, message, remedy string) {
	*fs = append(*fs, Finding{code, SeverityWarning, message, remedy})
}

const renew = "create a new one at developer.apple.com for the same bundle ID"

func (fs *findings) errors(c *Certificate, want Expect) {
	switch {
	case !c.HasKey:
		fs.fail(CodeNoKey, "the file lacks the certificate's private key", NoKey.Remedy())
	case !c.KeyMatches:
		fs.fail(CodeKeyMismatch, "the private key in the file belongs to none of its certificates", KeyMismatch.Remedy())
	}
	if !c.PushCertificate {
		fs.fail(CodeNotPush, fmt.Sprintf("%q is no push certificate", c.CommonName),
			"create an Apple Push Notification service SSL certificate for the app at developer.apple.com, and export that one")
	}
	switch {
	case want.Now.After(c.NotAfter):
		fs.fail(CodeExpired, "the certificate expired on "+day(c.NotAfter), renew)
	case want.Now.Before(c.NotBefore):
		fs.fail(CodeNotYetValid, "the certificate is valid only from "+day(c.NotBefore), "check this machine's clock, or wait until then")
	}
	if envs := c.Environments(); c.PushCertificate && len(envs) > 0 && !slices.Contains(envs, want.Environment) {
		fs.fail(CodeWrongEnvironment, fmt.Sprintf("a %s certificate stands in the %s slot", strings.Join(envs, " and "), want.Environment),
			"swap the two files, or name a "+want.Environment+" certificate in the manifest")
	}
	if want.BundleID != "" && want.BundleID != c.App() && want.BundleID != c.BundleID {
		message := fmt.Sprintf("the certificate is for %q, the app's bundle_id is %q", c.BundleID, want.BundleID)
		if strings.EqualFold(want.BundleID, c.App()) {
			message += ": they differ in upper and lower case"
		}
		fs.fail(CodeWrongBundle, message, "name the certificate of this app, or correct bundle_id")
	}
}

func (fs *findings) warnings(c *Certificate, want Expect) {
	if left := c.NotAfter.Sub(want.Now); left >= 0 && left < want.RenewBefore {
		fs.warn(CodeExpiresSoon, fmt.Sprintf("the certificate expires on %s, %s", day(c.NotAfter), Until(left)), renew)
	}
	if c.VoIP {
		fs.warn(CodeVoIP, "the certificate is for VoIP pushes alone: ordinary notifications will not arrive",
			"use the app's Apple Push Services certificate unless VoIP is what you want")
	}
	if c.Watch {
		fs.warn(CodeWatch, "the certificate is for watch complications alone: ordinary notifications will not arrive",
			"use the app's Apple Push Services certificate unless complications are what you want")
	}
	if c.NotAfter.Before(want.RecordedNotAfter) {
		fs.warn(CodeOlderThanRecorded, fmt.Sprintf("the certificate expires on %s, before the uploaded one (%s)",
			day(c.NotAfter), day(want.RecordedNotAfter)), "check that this is the newest file")
	}
	if want.Password.Empty {
		fs.warn(CodePasswordEmpty, "the file has an empty password, which JPush may not take and which protects nothing",
			"export it under a password")
	}
	if want.Password.NotASCII {
		fs.warn(CodePasswordNotASCII, "the password has characters outside printable ASCII, which programs encode differently",
			"export it under a password of ASCII letters, digits and signs")
	}
	if c.TestOnly {
		fs.warn(CodeTestCertificate, "this is a test certificate, which APNs refuses",
			"use it with the sandbox only")
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Until returns the time left until an expiry in words, in whole days.
func Until(left time.Duration) string {
	switch days := int(left / (24 * time.Hour)); days {
	case 0:
		return "in less than a day"
	case 1:
		return "in 1 day"
	default:
		return fmt.Sprintf("in %d days", days)
	}
}
