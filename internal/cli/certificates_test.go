package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/state"
)

// mintFile writes a production certificate with the password "p".
func mintFile(t *testing.T, path string) {
	t.Helper()
	data, err := pushcert.Mint(pushcert.MintOptions{BundleID: "cn.example.a", Kind: pushcert.MintProduction,
		EC: true, NotBefore: time.Now(), NotAfter: time.Now().AddDate(1, 0, 0), Password: "p"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// What is inspected before planning is what the planner would see one file at a time, errors
// and their places included, and a file with the known hash is not opened.
func TestInspectAll(t *testing.T) {
	dir := t.TempDir()
	mintFile(t, filepath.Join(dir, "good.p12"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.p12"), []byte("no certificate"), 0o600))
	files, err := manifest.NewFiles(dir, func(name string) (string, bool) { return "p", name == "GOOD" })
	require.NoError(t, err)
	defer files.Close()

	m := &manifest.Manifest{}
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
		m.Apps = append(m.Apps, manifest.App{ID: fmt.Sprint("app", i), Certificates: map[jpush.Environment]manifest.Certificate{jpush.Production: cert}})
	}
	all, err := inspectAll(t.Context(), files, m, state.New())
	require.NoError(t, err)
	for _, app := range m.Apps {
		cert := app.Certificates[jpush.Production]
		want, wantErr := certificates{files}.inspect(cert, "")
		got, err := all.Inspect(cert, "")
		require.Equal(t, want, got)
		require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(err))
		if err == nil {
			known, err := all.Inspect(cert, got.FileSHA256)
			require.NoError(t, err)
			require.Nil(t, known.Opened)
		}
	}
}

func TestASharedFileIsOpenedOnce(t *testing.T) {
	dir := t.TempDir()
	mintFile(t, filepath.Join(dir, "shared.p12"))
	files, err := manifest.NewFiles(dir, func(string) (string, bool) { return "p", true })
	require.NoError(t, err)
	defer files.Close()
	m := &manifest.Manifest{}
	for i := range 3 {
		cert := manifest.Certificate{File: "shared.p12", Path: "shared.p12", Password: &manifest.Secret{Env: "PASSWORD"}}
		cert.Pos.Line = i + 1
		m.Apps = append(m.Apps, manifest.App{ID: fmt.Sprint("app", i), Certificates: map[jpush.Environment]manifest.Certificate{jpush.Production: cert}})
	}
	all, err := inspectAll(t.Context(), files, m, state.New())
	require.NoError(t, err)
	first, err := all.Inspect(m.Apps[0].Certificates[jpush.Production], "")
	require.NoError(t, err)
	for _, app := range m.Apps[1:] {
		again, err := all.Inspect(app.Certificates[jpush.Production], "")
		require.NoError(t, err)
		require.Same(t, first.Opened, again.Opened)
	}
}

func TestAnInterruptEndsTheInspection(t *testing.T) {
	dir := t.TempDir()
	mintFile(t, filepath.Join(dir, "a.p12"))
	files, err := manifest.NewFiles(dir, os.LookupEnv)
	require.NoError(t, err)
	defer files.Close()
	cert := manifest.Certificate{File: "a.p12", Path: "a.p12"}
	m := &manifest.Manifest{Apps: []manifest.App{{ID: "a", Certificates: map[jpush.Environment]manifest.Certificate{jpush.Production: cert}}}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = inspectAll(ctx, files, m, state.New())
	require.EqualError(t, err, "interrupted while planning, nothing was sent")
	e, ok := errors.AsType[*exitError](err)
	require.True(t, ok)
	require.Equal(t, ExitInterrupted, e.code)
}
