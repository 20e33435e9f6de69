package cli

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// What is looked into ahead is what the planner would have seen itself, errors and their
// places included, and files of which the hash is known stay shut.
func TestLookingAheadSeesTheSame(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	data, err := pushcert.Mint(pushcert.MintOptions{BundleID: "cn.example.a", Kind: pushcert.MintProduction,
		KeyType: pushcert.KeyECP256, NotBefore: now, NotAfter: now.AddDate(1, 0, 0), Password: "p"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "good.p12"), data, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.p12"), []byte("no certificate"), 0o600))
	files, err := manifest.NewFiles(dir, func(name string) (string, bool) { return "p", name == "GOOD" })
	require.NoError(t, err)
	defer files.Close()

	m := &manifest.Manifest{}
	st := &state.State{Apps: map[string]state.App{}}
	for i := range 40 {
		cert := manifest.Certificate{File: "good.p12", Path: "good.p12", Password: &manifest.Secret{Env: "GOOD"}}
		switch i % 4 {
		case 1:
			cert.File, cert.Path = "bad.p12", "bad.p12"
		case 2:
			cert.Password = &manifest.Secret{Env: "UNSET"}
		case 3:
			cert.File, cert.Path = "missing.p12", "missing.p12"
		}
		cert.Pos.Line = i + 1
		id := fmt.Sprint("app", i)
		m.Apps = append(m.Apps, manifest.App{ID: id, Certificates: map[jpush.Environment]manifest.Certificate{jpush.Production: cert}})
	}
	alone := certificates{files: files}
	ahead, stop := prefetch(files, m, st, nil)
	require.IsType(t, prefetched{}, ahead)
	defer stop()
	for _, app := range m.Apps {
		cert := app.Certificates[jpush.Production]
		want, wantErr := alone.Inspect(cert, "")
		got, err := ahead.Inspect(cert, "")
		require.Equal(t, want, got)
		require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(err))
		if err == nil {
			known, err := ahead.Inspect(cert, got.FileSHA256)
			require.NoError(t, err)
			require.Nil(t, known.Opened)
		}
	}
}

// A panic while looking ahead ends no process: it comes where the planner asks.
func TestAPanicWaitsForThePlanner(t *testing.T) {
	m := &manifest.Manifest{}
	for i := range 2 {
		m.Apps = append(m.Apps, manifest.App{ID: fmt.Sprint(i), Certificates: map[jpush.Environment]manifest.Certificate{
			jpush.Production: {File: fmt.Sprint(i)}}})
	}
	var inspector planner.Inspector
	inspector, stop := prefetch(nil, m, &state.State{}, nil) // no files: a nil pointer is met
	stop()
	for _, in := range inspector.(prefetched).ahead {
		require.NotPanics(t, func() { inspector.(prefetched).settle(in) }, "as a helper does")
	}
	require.Panics(t, func() { _, _ = inspector.Inspect(m.Apps[0].Certificates[jpush.Production], "") })
}

// A certificate that was copied for several apps is opened once, whatever its files are
// called, and the same bytes under another password are another question.
func TestCopiesAreOpenedOnce(t *testing.T) {
	data, err := pushcert.Mint(pushcert.MintOptions{
		BundleID: "cn.example.copied", Kind: pushcert.MintProduction, KeyType: pushcert.KeyECP256, Password: "right",
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	})
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	o := new(openings)
	first, err := o.open(sum, data, "right")
	require.NoError(t, err)
	again, err := o.open(sum, nil, "right") // nothing to open: only what is remembered
	require.NoError(t, err)
	require.Same(t, first, again)
	_, err = o.open(sum, data, "wrong")
	require.Error(t, err)
}
