package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/planner"
)

// unopenedUploads is a plan with the upload of an unopened certificate for each of n apps,
// whose files are in dir.
func unopenedUploads(t *testing.T, n int) (certificates, *planner.Plan, map[string]bool) {
	dir := t.TempDir()
	files, err := manifest.NewFiles(dir, os.LookupEnv)
	require.NoError(t, err)
	t.Cleanup(func() { files.Close() })
	p, ids := &planner.Plan{}, map[string]bool{}
	for i := range n {
		id := fmt.Sprint("app", i)
		require.NoError(t, os.WriteFile(filepath.Join(dir, id+".p12"), []byte(id), 0o600))
		sum := sha256.Sum256([]byte(id))
		ids[id] = true
		p.Actions = append(p.Actions,
			planner.Change{Action: planner.Create, App: id},
			planner.Change{Action: planner.Upload, App: id, Environment: jpush.Production, Certificate: &planner.Certificate{
				File: id + ".p12", Path: id + ".p12", FileSHA256: hex.EncodeToString(sum[:])}})
	}
	return certificates{files: files}, p, ids
}

// opened is what comes of opening the certificate of a change.
func opened(c planner.Change) planner.Examination {
	certificate := *c.Certificate
	certificate.Fingerprint = "fingerprint of " + c.App
	c.Certificate = &certificate
	return planner.Examination{Uploads: []planner.Change{c}}
}

func TestCertificatesAreOpenedAhead(t *testing.T) {
	c, p, ids := unopenedUploads(t, 5)
	synctest.Test(t, func(t *testing.T) {
		var order []string
		step := make(chan struct{})
		_, release := examineAhead(c, p, ids, func(id string) planner.Examination {
			<-step
			order = append(order, id)
			return planner.Examination{}
		})
		for range 3 {
			step <- struct{}{}
		}
		synctest.Wait()
		require.Equal(t, []string{"app0", "app1", "app2"}, order, "in the plan's order, unasked")
		go func() { step <- struct{}{} }() // which one is waiting for
		release()
		require.Len(t, order, 4, "and no more once it is over")
	})
}

func TestWhatWasOpenedIsLoaded(t *testing.T) {
	c, p, ids := unopenedUploads(t, 4)
	calls := map[string]int{}
	e, release := examineAhead(c, p, ids, func(id string) planner.Examination {
		calls[id]++
		x := opened(p.Actions[2*int(id[3]-'0')+1])
		switch id {
		case "app1":
			x.Uploads[0].Certificate.FileSHA256 = "of what the file has held meanwhile"
		case "app2":
			x = planner.Examination{Errors: []planner.Problem{{Code: "expired", Message: "it expired", Environment: jpush.Production},
				{Code: "other", Environment: jpush.Development}}}
		case "app3":
			x.Warnings = []planner.Problem{{Code: "voip", Message: "for VoIP", Environment: jpush.Production},
				{Code: "expires_soon", Message: "soon", Environment: jpush.Production}, {Code: "other", Environment: jpush.Development}}
		}
		return x
	})
	defer release()

	loaded, err := e.Load(p.Actions[1])
	require.NoError(t, err)
	require.Equal(t, "fingerprint of app0", loaded.Certificate.Fingerprint)
	require.Equal(t, "app0", string(loaded.Data))
	require.Empty(t, loaded.Note)
	_, err = e.Load(p.Actions[1])
	require.NoError(t, err)

	_, err = e.Load(p.Actions[3])
	require.IsType(t, &movedError{}, err)

	_, err = e.Load(p.Actions[5])
	require.EqualError(t, err, "not sent: it expired [expired]")

	loaded, err = e.Load(p.Actions[7])
	require.NoError(t, err)
	require.Equal(t, "for VoIP [voip]; soon [expires_soon]", loaded.Note)

	release()
	require.Equal(t, map[string]int{"app0": 1, "app1": 1, "app2": 1, "app3": 1}, calls, "each is opened once")
}

// A panic ahead ends nothing: it comes again, from where it came, when somebody asks.
func TestAPanicWaitsForTheExecutor(t *testing.T) {
	c, p, ids := unopenedUploads(t, 2)
	e, release := examineAhead(c, p, ids, func(id string) planner.Examination {
		if id == "app0" {
			panic("a defect")
		}
		return opened(p.Actions[3])
	})
	release()
	require.PanicsWithValue(t, "a defect", func() { _, _ = e.Load(p.Actions[1]) })
	_, err := e.Load(p.Actions[3])
	require.NoError(t, err)
}
