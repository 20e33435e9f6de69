package crashtest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
)

// secretsAtRest applies with recipients and without an identity, loses the store in the
// middle, and goes on elsewhere. No master secret is in clear in the bucket, in what went to
// it, in a dump of the database, in any file or in any output.
func secretsAtRest(t *testing.T, b *backend, certificate []byte) {
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	w := newShared(t, b, 40, certificate, 20*time.Millisecond)
	recipients := "JPSYNC_STATE_RECIPIENTS=" + identity.Recipient().String()
	w.env = append(w.env, recipients)
	w.door.set(func(c call) fate {
		if w.server.Counts().Requests > 10 {
			return hang
		}
		return pass
	})
	code, first := w.run("", "apply", "--auto-approve", "--parallelism", "4")
	require.Equal(t, 6, code, first)

	other := w.elsewhere(certificate)
	other.env = append(other.env, recipients)
	second := other.converge()
	require.NotZero(t, w.takeIn(other), first)
	code, keys := other.run("", "output", "--format", "json")
	require.Equal(t, 0, code, keys)
	code, without := other.run("", "output", "--format", "json", "--show-secrets")
	require.NotZero(t, code, without)
	require.Contains(t, without, "JPSYNC_STATE_IDENTITY")
	var f figures
	f.check(other)

	searched := map[string][]byte{
		"the output of the run that lost the store": []byte(first), "the output of the next run": []byte(second),
		"the output of the keys": []byte(keys), "the output without an identity": []byte(without),
		"what went through the first door": w.door.bytes(), "what went through the second door": other.door.bytes(),
	}
	b.everything(t, w.place, searched)
	for _, dir := range []string{w.dir, other.dir} {
		readFiles(t, dir, searched)
	}
	apps := w.server.Apps()
	require.Len(t, apps, 40)
	for where, data := range searched {
		for _, app := range apps {
			secret := []byte(app.MasterSecret)
			for _, form := range []string{string(secret), base64.StdEncoding.EncodeToString(secret), url.QueryEscape(string(secret)), hex.EncodeToString(secret)} {
				require.False(t, bytes.Contains(data, []byte(form)), "a master secret is in %s", where)
			}
		}
	}
	t.Logf("%d texts searched for %d master secrets", len(searched), len(apps))
	f.verdict(t, 0)

	// Only now: who has the identity sees them.
	other.write("identity.txt", identity.String()+"\n")
	other.env = append(other.env, "JPSYNC_STATE_IDENTITY="+other.path("identity.txt"))
	code, out := other.run("", "output", "--format", "json", "--show-secrets")
	require.Equal(t, 0, code, out)
	for _, app := range apps {
		require.Contains(t, out, app.MasterSecret)
	}
}

// everything adds the objects of a place and, where there is one, a dump of the database.
func (b *backend) everything(t *testing.T, place string, to map[string][]byte) {
	p := b.open(t, place)
	for _, prefix := range []string{"log/", "state/"} {
		entries, _, err := p.List(t.Context(), prefix, "")
		require.NoError(t, err)
		require.NotEmpty(t, entries)
		for _, e := range entries {
			to[e.Name], err = p.Read(t.Context(), e.Name)
			require.NoError(t, err)
		}
	}
	if _, ok := b.speak().(*postgres3); !ok {
		return
	}
	program, err := exec.LookPath("pg_dump")
	if err != nil {
		return
	}
	host, port, err := net.SplitHostPort(b.address)
	require.NoError(t, err)
	dump, err := exec.CommandContext(t.Context(), program, "-h", host, "-p", port, "-U", "jpsync", "postgres").Output()
	require.NoError(t, err)
	require.Contains(t, string(dump), place)
	to["the dump"] = dump
}

func readFiles(t *testing.T, dir string, to map[string][]byte) {
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		to[path], err = os.ReadFile(path)
		return err
	}))
}
