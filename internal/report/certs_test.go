package report_test

import (
	"bytes"
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
