package planner_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/manifest"
	"jpsync/planner"
)

// After an edit by hand a record may not say when its certificate expires.
func TestAnUnknownExpiryIsNotPast(t *testing.T) {
	good := p12(push("2026", bundle, days(300)), "export")
	good.err = &manifest.ReadError{Kind: "secret", Err: errors.New("not set")}
	st := recorded(with(slot.prod, good))
	for _, test := range []struct {
		notAfter time.Time
		want     planner.CertificateState
	}{{days(300), planner.Current}, {days(3), planner.Expiring}, {days(-1), planner.Expired}, {time.Time{}, planner.Current}} {
		shop := st.Apps["shop"]
		shop.Certificates.Production.NotAfter = test.notAfter
		st.Apps["shop"] = shop
		dues := planner.Schedule(input(load(t, oneCertificate), st, &files{byPath: map[string]file{"shop.p12": good}}))
		require.Len(t, dues, 1)
		require.Equal(t, test.want, dues[0].State, test.notAfter)
	}
}
