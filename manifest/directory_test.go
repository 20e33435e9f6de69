package manifest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

func entry(id string) string {
	return fmt.Sprintf("  - {id: %s, app_name: App %s, android_package: cn.example.%s}\n", id, id, id)
}

func ids(m *Manifest) (list []string) {
	for _, a := range m.Apps {
		list = append(list, a.ID)
	}
	return list
}

// at names the files of a set under dir in front of what is expected of them.
func requireErrors(t *testing.T, err error, want ...string) {
	t.Helper()
	var errs Errors
	require.ErrorAs(t, err, &errs)
	var got []string
	for _, e := range errs {
		got = append(got, e.Error())
	}
	require.Equal(t, want, got)
}

// systemPaths writes paths in errors with the separators of the system.
func systemPaths(errs ...string) []string {
	for i := range errs {
		errs[i] = filepath.FromSlash(errs[i])
	}
	return errs
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "set/a.yaml", "version: 1\ninclude: [\"*.yaml\"]\napps:\n"+entry("a"))
	write(t, dir, "set/b.yml", "version: 1\napps:\n"+entry("b"))
	write(t, dir, "set/c.yaml", "version: 1\ndefaults: {group_name: G, certificates: {production: {file: \"c/${id}.p12\"}}}\npolicy: {max_deletes: 3}\n")
	write(t, dir, "set/.hidden.yaml", "not: read")
	write(t, dir, "set/notes.txt", "not read")
	write(t, dir, "set/sub/d.yaml", "not: read")

	m, err := Load("set", Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, ids(m))
	assert.Equal(t, "set", m.CertRoot)
	assert.Equal(t, Limit{N: 3}, m.Policy.MaxDeletes)
	for _, a := range m.Apps {
		assert.Equal(t, "G", a.GroupName, "defaults are for the apps of all files, also of those before")
		assert.Equal(t, Certificate{File: "c/" + a.ID + ".p12", Path: "c/" + a.ID + ".p12", Pos: Position{filepath.FromSlash("set/c.yaml"), 2, 61}},
			a.Certificates[jpush.Production])
	}
	assert.Equal(t, Position{filepath.FromSlash("set/b.yml"), 3, 5}, m.Apps[1].Pos)

	sum := sha256.New()
	for _, name := range []string{"a.yaml", "b.yml", "c.yaml"} {
		text, err := os.ReadFile(filepath.Join("set", name))
		require.NoError(t, err)
		fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(text), name)
	}
	assert.Equal(t, fmt.Sprintf("%x", sum.Sum(nil)), m.SHA256)
}

func TestDirectoryErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "set/a.yaml", "version: 1\naccount: {dev_key: {env: A}}\npolicy: {}\ndefaults: {}\napps:\n"+entry("a"))
	write(t, dir, "set/b.yaml", "version: 1\ndefaults: {}\npolicy: {}\naccount: {}\napps:\n"+entry("a"))
	_, err := Load("set", Options{})
	requireErrors(t, err, systemPaths(
		"set/b.yaml:2:11: duplicate defaults, the first is at set/a.yaml:4:11",
		"set/b.yaml:3:9: duplicate policy, the first is at set/a.yaml:3:9",
		"set/b.yaml:4:10: duplicate account, the first is at set/a.yaml:2:10",
		`set/b.yaml:6:10: duplicate id "a", the first is at set/a.yaml:6:5`,
		`set/b.yaml:6:47: duplicate android_package "cn.example.a", the first is at set/a.yaml:6:5`,
	)...)

	require.NoError(t, os.Mkdir("none", 0o755))
	_, err = Load("none", Options{})
	require.EqualError(t, err, `manifest "none" has no .yaml or .yml file in it`)
}

func TestInclude(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "jpsync.yaml", "version: 1\ninclude: [teams/*.yaml, ./teams/a.yaml, jpsync.yaml]\napps:\n"+entry("main")+
		"defaults: {certificates: {production: {file: \"certs/${id}.p12\"}}}\n")
	write(t, dir, "teams/b.yaml", "version: 1\napps:\n"+entry("b"))
	write(t, dir, "teams/a.yaml", "version: 1\napps:\n  - id: a\n    app_name: A\n    android_package: cn.a\n"+
		"    certificates: {production: {file: x.p12, password: {file: ../pass/x}}}\n")
	m, err := Load("jpsync.yaml", Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"main", "a", "b"}, ids(m))
	assert.Equal(t, Certificate{
		File: "x.p12", Path: "teams/x.p12", Pos: Position{filepath.FromSlash("teams/a.yaml"), 6, 39},
		Password: &Secret{File: "../pass/x", Path: "pass/x", Pos: Position{filepath.FromSlash("teams/a.yaml"), 6, 56}},
	}, m.Apps[1].Certificates[jpush.Production], "a path is relative to the file that names it")
	assert.Equal(t, "certs/b.p12", m.Apps[2].Certificates[jpush.Production].Path, "a default's path to the file of the defaults")
}

func TestIncludeErrors(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "x.yaml", "version: 1\napps:\n"+entry("x"))
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.Symlink(filepath.Join(outside, "x.yaml"), "link.yaml"))
	require.NoError(t, os.Mkdir("dir.yaml", 0o755))
	makeFIFO(t, "fifo.yaml")
	write(t, dir, "more.yaml", "version: 1\npolicy: {}\ninclude: [x]\n")
	write(t, dir, "jpsync.yaml", "version: 1\ninclude:\n  - link.yaml\n  - dir.yaml\n  - fifo.yaml\n  - more.yaml\n  - lin?.yaml\n  - none.yaml\n")
	_, err := Load("jpsync.yaml", Options{})
	requireErrors(t, err,
		`jpsync.yaml:3:5: include: manifest "link.yaml" is outside the manifest's directory, or a link leads out of it`,
		`jpsync.yaml:4:5: include: manifest "dir.yaml" is not a regular file but a directory`,
		`jpsync.yaml:5:5: include: manifest "fifo.yaml" is not a regular file`,
		`jpsync.yaml:7:5: include: manifest "link.yaml" is outside the manifest's directory, or a link leads out of it`,
		`jpsync.yaml:8:5: include: manifest "none.yaml" does not exist`,
		`more.yaml:2:1: unknown key "policy" in an included file, known are version, apps, apps_from`,
		`more.yaml:3:1: unknown key "include" in an included file, known are version, apps, apps_from`,
	)
}

// A directory that cannot be read may have apps in it: without them the plan would delete these.
func TestIncludeOfDirectories(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "jpsync.yaml", "version: 1\ninclude: [teams/*/*.yaml]\n")
	write(t, dir, "teams/a/a.yaml", "version: 1\napps:\n"+entry("a"))
	write(t, dir, "teams/notes.txt", "no directory")
	makeFIFO(t, "teams/fifo")
	require.NoError(t, os.Symlink("nowhere", "teams/dangling"))
	m, err := Load("jpsync.yaml", Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, ids(m))

	require.NoError(t, os.Symlink(outside, "teams/b"))
	_, err = Load("jpsync.yaml", Options{})
	requireErrors(t, err, `jpsync.yaml:2:11: include "teams/*/*.yaml" looks into "teams/b", which is outside the manifest's directory, or a link leads out of it`)
}

// closed is a file system with a directory that may not be read.
type closed struct {
	fstest.MapFS
	dir string
}

func (c closed) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == c.dir {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.MapFS.ReadDir(name)
}

func TestIncludeOfClosedDirectories(t *testing.T) {
	teams := fstest.MapFS{"teams/a/a.yaml": {}, "teams/b/b.yaml": {}}
	for _, dir := range []string{"teams", "teams/b"} {
		_, problem := glob(closed{teams, dir}, "teams/*/*.yaml")
		require.Equal(t, fmt.Sprintf("looks into %q, which may not be read: permission denied", dir), problem)
	}
}

func TestCertRoot(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	app := "version: 1\napps:\n  - {id: a, app_name: A, android_package: cn.a, certificates: {production: {file: %s}}}\n"
	require.NoError(t, os.MkdirAll("vault/certs", 0o755))
	require.NoError(t, os.Symlink("vault", "link"))

	for _, test := range []struct{ root, file, path string }{
		{"", "certs/a.p12", "certs/a.p12"},
		{"", "./certs/../certs//a.p12", "certs/a.p12"},
		{"..", "certs/a.p12", "conf/certs/a.p12"},
		{"..", "../vault/a.p12", "vault/a.p12"},
		{"../vault", "../vault/certs/a.p12", "certs/a.p12"},
		{"../link/certs", "../vault/certs/a.p12", "a.p12"},
		{"../vault", "certs/a.p12", ""},
		{"../vault", "../vault2/a.p12", ""},
		{"", "../conf2/a.p12", ""},
	} {
		t.Run(test.root+" "+test.file, func(t *testing.T) {
			write(t, dir, "conf/m.yaml", fmt.Sprintf(app, test.file))
			t.Chdir(filepath.Join(dir, "conf"))
			m, err := Load("m.yaml", Options{CertRoot: test.root})
			if test.path == "" {
				requireErrors(t, err, "m.yaml:3:83: the certificate's file is not below the manifest's directory or --cert-root")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.path, m.Apps[0].Certificates[jpush.Production].Path)
			want := test.root
			if want == "" {
				want = "."
			}
			assert.Equal(t, want, m.CertRoot)
		})
	}
	_, err := Load("conf/m.yaml", Options{CertRoot: "none"})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, `the certificate root "none" does not exist`)
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	makeFIFO(t, "fifo")
	write(t, dir, "m.yaml", "version: 1\ninclude: [n.yaml]\n")
	write(t, dir, "n.yaml", "version: 1\napps:\n"+entry("n"))

	_, err := Load("none.yaml", Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, `manifest "none.yaml" does not exist`)
	_, err = Load("fifo", Options{})
	require.ErrorIs(t, err, ErrNotRegular)
	_, err = Load("/dev/zero", Options{})
	require.ErrorIs(t, err, ErrNotRegular)

	// A file of a gibibyte takes no space here and must take none in memory either.
	file, err := os.Create("huge.yaml")
	require.NoError(t, err)
	require.NoError(t, file.Truncate(1<<30))
	require.NoError(t, file.Close())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Load("huge.yaml", Options{})
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, ErrTooLarge)
	require.EqualError(t, err, `manifest "huge.yaml" is too large: more than 256 MiB`)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))

	// The limit is for all files together.
	l := newLoader("m.yaml", Options{})
	l.left = 34
	_, err = l.load()
	requireErrors(t, err, `m.yaml:2:11: include: manifest "n.yaml" is too large: all files of the manifest may have 256 MiB together`)
	_, err = Load("m.yaml", Options{})
	require.NoError(t, err)
}

// A file whose apps were all commented out is no order to delete them, whatever the other files have.
func TestNoValueForApps(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "set/b.yaml", "version: 1\napps:\n"+entry("b"))
	for _, key := range []string{"apps", "apps_from", "include"} {
		write(t, dir, "set/a.yaml", "version: 1\n"+key+":\n#"+entry("a"))
		_, err := Load("set", Options{})
		requireErrors(t, err, filepath.FromSlash("set/a.yaml")+`:2:`+strconv.Itoa(len(key)+2)+`: `+key+` has no value: remove it, or write "apps: []" for no apps`)
	}
}

// An included file without apps is one whose apps are misspelt.
func TestIncludedWithoutApps(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "m.yaml", "version: 1\ninclude: [a.yaml]\n")
	write(t, dir, "a.yaml", "version: 1\n")
	_, err := Load("m.yaml", Options{})
	requireErrors(t, err, `a.yaml:1:1: apps is missing, write "apps: []" for none`)
	write(t, dir, "a.yaml", "version: 1\napps: []\n")
	m, err := Load("m.yaml", Options{})
	require.NoError(t, err)
	assert.Empty(t, m.Apps)

	write(t, dir, "a.yaml", "version: 1\napps:\n"+entry("a")+entry("b"))
	l := newLoader("m.yaml", Options{})
	l.pieceBytes = 1
	m, err = l.load()
	require.NoError(t, err, "the apps are read before what remains of the file")
	assert.Equal(t, []string{"a", "b"}, ids(m))
}
