package manifest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openFiles(t *testing.T, root string, env map[string]string) *Files {
	t.Helper()
	f, err := NewFiles(root, func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

func TestReadCertificate(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "a.p12", "outside")
	root := t.TempDir()
	write(t, root, "certs/a.p12", "inside")
	write(t, root, "empty.p12", "")
	write(t, root, "largest.p12", strings.Repeat("x", MaxCertificateBytes))
	write(t, root, "huge.p12", strings.Repeat("x", MaxCertificateBytes+1))
	for link, to := range map[string]string{
		"inside":   "certs/a.p12",
		"out":      filepath.Join(outside, "a.p12"),
		"absolute": filepath.Join(root, "certs", "a.p12"),
		"dir-out":  outside,
		"up":       "../" + filepath.Base(outside) + "/a.p12",
		"zero":     "/dev/zero",
		"itself":   "itself",
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(root, link)))
	}
	makeFIFO(t, filepath.Join(root, "fifo"))
	f := openFiles(t, root, nil)

	for path, want := range map[string]error{
		"certs/a.p12":                      nil,
		"certs/../certs/a.p12":             nil,
		"inside":                           nil,
		"largest.p12":                      nil,
		"huge.p12":                         ErrTooLarge,
		"empty.p12":                        ErrEmpty,
		"none.p12":                         fs.ErrNotExist,
		"certs":                            ErrNotRegular,
		".":                                ErrNotRegular,
		"fifo":                             ErrNotRegular,
		"out":                              ErrOutside,
		"absolute":                         ErrOutside,
		"dir-out/a.p12":                    ErrOutside,
		"up":                               ErrOutside,
		"zero":                             ErrOutside,
		"../a.p12":                         ErrOutside,
		"certs/../../a.p12":                ErrOutside,
		"/etc/passwd":                      ErrOutside,
		filepath.Join(outside, "a.p12"):    ErrOutside,
		filepath.Join(root, "certs/a.p12"): ErrOutside,
	} {
		t.Run(path, func(t *testing.T) {
			c := Certificate{File: "as/written.p12", Path: path, Pos: Position{"m.yaml", 7, 3}}
			data, err := f.ReadCertificate(c)
			if want == nil {
				require.NoError(t, err)
				assert.NotEmpty(t, data)
				return
			}
			require.ErrorIs(t, err, want)
			assert.Nil(t, data)
			var read *ReadError
			require.ErrorAs(t, err, &read)
			assert.Equal(t, "as/written.p12", read.File)
			assert.Regexp(t, `^m\.yaml:7:3: certificate file "as/written\.p12" `, err.Error())
			assert.NotContains(t, err.Error(), "openat")
		})
	}
	_, err := f.ReadCertificate(Certificate{Path: "itself", File: "itself"})
	require.Error(t, err)
}

func TestSecret(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"plain": "pass", "lf": "pass\n", "crlf": "pass\r\n", "two": "pass\n\n", "cr": "pass\r",
		"space": " pass \n", "empty": "", "newline": "\n",
		"largest": strings.Repeat("x", MaxSecretBytes), "huge": strings.Repeat("x", MaxSecretBytes+1),
	} {
		write(t, root, name, text)
	}
	f := openFiles(t, root, map[string]string{"SET": "value\n", "EMPTY": ""})
	at := Position{"m.yaml", 3, 5}

	for name, want := range map[string]string{
		"plain": "pass", "lf": "pass", "crlf": "pass", "two": "pass\n", "cr": "pass\r",
		"space": " pass ", "largest": strings.Repeat("x", MaxSecretBytes),
	} {
		got, err := f.Secret(Secret{File: name, Path: name, Pos: at})
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
	got, err := f.Secret(Secret{Env: "SET"})
	require.NoError(t, err)
	assert.Equal(t, "value\n", got, "a variable is taken as it is")

	for _, test := range []struct {
		secret  Secret
		is      error
		message string
	}{
		{Secret{Env: "NONE", Pos: at}, ErrUnset, "m.yaml:3:5: environment variable NONE is not set"},
		{Secret{Env: "NONE"}, ErrUnset, "environment variable NONE is not set"},
		{Secret{Env: "EMPTY", Pos: at}, ErrEmpty, "m.yaml:3:5: environment variable EMPTY is empty"},
		{Secret{File: "empty", Path: "empty", Pos: at}, ErrEmpty, `m.yaml:3:5: secret file "empty" is empty`},
		{Secret{File: "newline", Path: "newline", Pos: at}, ErrEmpty, `m.yaml:3:5: secret file "newline" is empty`},
		{Secret{File: "huge", Path: "huge", Pos: at}, ErrTooLarge, `m.yaml:3:5: secret file "huge" is too large: more than 64 KiB`},
		{Secret{File: "none", Path: "none", Pos: at}, fs.ErrNotExist, `m.yaml:3:5: secret file "none" does not exist`},
	} {
		value, err := f.Secret(test.secret)
		assert.Empty(t, value)
		assert.ErrorIs(t, err, test.is)
		assert.EqualError(t, err, test.message)
	}
}

func TestFilesInParallel(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a.p12", "content")
	f := openFiles(t, root, map[string]string{"A": "b"})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			data, err := f.ReadCertificate(Certificate{Path: "a.p12"})
			assert.NoError(t, err)
			assert.Equal(t, "content", string(data))
			_, err = f.Secret(Secret{Env: "A"})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
}

func TestNewFilesWithoutRoot(t *testing.T) {
	_, err := NewFiles(filepath.Join(t.TempDir(), "none"), os.LookupEnv)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Contains(t, err.Error(), "open the certificate root")
}
