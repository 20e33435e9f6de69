package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/planner"
)

// Calendars refuse what RFC 5545 does not allow: every line ends with CRLF and has at most 75
// bytes, also with Chinese names in it.
func TestCertsCalendarKeepsToTheFormat(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	dues := []planner.Due{
		{App: strings.Repeat("商城", 30), Environment: jpush.Production, BundleID: "cn.example.shop", Fingerprint: "aa", NotAfter: now.AddDate(0, 1, 0)},
		{App: "pay", Environment: jpush.Development, Fingerprint: "bb", NotAfter: now.AddDate(0, 2, 0)},
		{App: "unreadable", Environment: jpush.Production, State: planner.Unreadable},
	}
	var b bytes.Buffer
	require.NoError(t, report.CertsCalendar(&b, dues, 30*24*time.Hour, now))
	text := b.String()
	require.True(t, strings.HasSuffix(text, "END:VCALENDAR\r\n"))
	for _, line := range strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		require.NotContains(t, line, "\n")
		require.LessOrEqual(t, len(line), 75, line)
	}
	require.Equal(t, 2, strings.Count(text, "BEGIN:VEVENT\r\n"))
	require.Equal(t, 2, strings.Count(text, "TRIGGER:-P30D\r\n"))
	var again bytes.Buffer
	require.NoError(t, report.CertsCalendar(&again, dues, 30*24*time.Hour, now))
	require.Equal(t, text, again.String(), "an entry keeps its UID")
}

// duesOfAllKinds has each state, labels, Chinese names, and a name that tries to be markup
// wherever a name can be.
func duesOfAllKinds() []planner.Due {
	const evil = `'"></td></script></style><script>alert(1)</script><img src=x onerror=alert(1)>` + "\x1b[31m\u202e"
	due := func(app, name string, env jpush.Environment, s planner.CertificateState, left int) planner.Due {
		return planner.Due{App: app, AppName: name, Environment: env, State: s, File: "certs/" + app + ".p12", BundleID: "cn.example." + app,
			Labels: map[string]string{"team": "零售"}, NotAfter: days(left), DaysLeft: left}
	}
	hostile := planner.Due{App: evil, AppName: evil + "2", Environment: jpush.Production, State: planner.Unreadable, File: evil, BundleID: evil,
		Message: evil, Labels: map[string]string{"team": "retail", evil: evil}}
	unfit := due("shop", "商城", jpush.Production, planner.Expiring, 3)
	unfit.Message = "must not be sent: it is for development [wrong_environment]"
	gone := due("gone", "旧应用", jpush.Production, planner.OnlyRecorded, 36500)
	gone.Labels, gone.File = nil, ""
	return []planner.Due{hostile, due("old", "old", jpush.Development, planner.Expired, -1), unfit,
		due("pay", "支付", jpush.Production, planner.ToUpload, 200), due("news", "新闻", jpush.Production, planner.Current, 400), gone}
}

func certsPage(t *testing.T, dues []planner.Due) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.CertsHTML(&b, dues, "No certificates.", now))
	tame(t, b.String(), report.Style{})
	return b.String()
}

func TestCertsPage(t *testing.T) {
	golden(t, "certs.html", certsPage(t, duesOfAllKinds()))
	require.Contains(t, certsPage(t, nil), "No certificates.")
	require.NotContains(t, certsPage(t, nil), "<table")
	soon := certsPage(t, []planner.Due{{App: "shop", State: planner.Expiring, NotAfter: days(40), DaysLeft: 40}})
	require.Contains(t, soon, `%" y="11">Apr 2026</text>`, "a short timeline fits the certificates and names each month")
	require.NotContains(t, soon, "<script", "without labels there is nothing to choose")
}

// Names come from manifests and servers. None becomes markup, and nothing runs in the page or is
// loaded into it but our own script and style, whose hashes the policy has.
func TestCertsPageTrustsNoName(t *testing.T) {
	text := certsPage(t, duesOfAllKinds())
	for _, tag := range []string{"script", "style"} {
		inline := regexp.MustCompile("(?s)<"+tag+">(.*?)</"+tag+">").FindAllStringSubmatch(text, -1)
		require.Len(t, inline, 1, tag)
		sum := sha256.Sum256([]byte(inline[0][1]))
		source := "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
		policy := strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(text)
		require.Contains(t, policy, tag+"-src '"+source+"'")
		text = strings.Replace(text, inline[0][0], "", 1)
	}
	require.Contains(t, text, `content="default-src &#39;none&#39;; `)
	for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(text, -1) {
		require.NotRegexp(t, `(?i)<(script|img|link|iframe|object|embed|base|a)\b|\s(on\w+|src|href|style)=`, tag)
	}
	require.NotContains(t, strings.ReplaceAll(text, "url(#months)", ""), "url(")
}
