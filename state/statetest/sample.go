package statetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// Sample returns a state of two apps and a pending create that has every field set somewhere.
func Sample() *state.State {
	s := state.New()
	s.Lineage = "3b7a9c52-9a0e-4a43-8d2f-0f6f5f1c2d11"
	s.Serial = 7
	s.Endpoint = "https://admin.jpush.cn/v1/"
	s.Account = "0123456789abcdef01234567"
	s.Journal = "8c1d4e70-11b5-4b0a-9a58-6b1f2f5d9e02"
	s.Apps["shop"] = state.App{
		AppName: "商城", AndroidPackage: "cn.example.shop", GroupName: "Retail",
		AppKey: "7d431e42dfa6a6d693ac2d04", MasterSecret: "5e987ac6d2e04d95a9d8f0d1",
		Adopted: true, Protected: true, CreatedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Certificates: state.Certificates{
			Production: state.Certificate{FileSHA256: "aa11", Fingerprint: "bb22", BundleID: "cn.example.shop.ios",
				NotAfter:   time.Date(2027, 4, 5, 6, 7, 8, 0, time.UTC),
				UploadedAt: time.Date(2026, 3, 4, 5, 6, 9, 0, time.UTC)},
			Development: state.Certificate{FileSHA256: "cc33", Fingerprint: "dd44"},
		},
	}
	s.Apps["tab\t\"quoted\""] = state.App{AppName: `a\b`, AndroidPackage: "cn.example.b", AppKey: "c0ffee"}
	s.Pending["news"] = state.Intent{Op: state.OpCreate, AppName: "新闻", AndroidPackage: "cn.example.news",
		GroupName: "Media", At: time.Date(2026, 3, 4, 5, 7, 0, 0, time.UTC)}
	return s
}

// Put makes s the snapshot of a store.
func Put(t testing.TB, store state.Store, s *state.State) {
	t.Helper()
	session, _, _, err := store.Open(t.Context(), state.Holder{PID: 1, Command: "put"})
	require.NoError(t, err)
	require.NoError(t, session.Fold(t.Context(), s.Clone()))
	require.NoError(t, session.Close())
}

// requireSame compares all but the name of the journal that is in the state, which is each
// store's own business.
func requireSame(t testing.TB, want, got *state.State) {
	t.Helper()
	a, b := *want, *got
	a.Journal, b.Journal = "", ""
	require.Equal(t, a, b)
}
