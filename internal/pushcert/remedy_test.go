package pushcert

import (
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"
)

// TestRemediesWork runs the commands that the errors give, where openssl is there to run
// them, and inspects what they make. Elsewhere the commands' form is all that is checked.
func TestRemediesWork(t *testing.T) {
	cert, key := identityOf(t, MintOptions{})
	block := func(name string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der})
	}
	certPEM, keyPEM := block("CERTIFICATE", cert), block("PRIVATE KEY", key)
	tests := []struct {
		name   string
		kind   Kind
		file   []byte // FILE.p12
		cer    []byte // FILE.cer
		legacy bool   // the first command needs -legacy with openssl 3
	}{
		{name: "unsupported", kind: Unsupported, file: fixture(t, "md5-des"), legacy: true},
		{name: "no key", kind: NoKey, file: fixture(t, "no-key")},
		{name: "no certificate", kind: NoCertificate, file: fixture(t, "no-certificate")},
		{name: "key mismatch", kind: KeyMismatch, file: mismatch(t)},
		{name: "certificate", kind: NotP12, file: cert, cer: cert},
		{name: "PEM certificate", kind: NotP12, file: certPEM},
		{name: "PEM key", kind: NotP12, file: block("EC PRIVATE KEY", key)},
		{name: "PEM of both", kind: NotP12, file: append(certPEM, keyPEM...)},
		{name: "base64 in lines", kind: NotP12, file: []byte(strings.ReplaceAll(base64.StdEncoding.EncodeToString(fixture(t, "modern-ec")), "A", "A\r\n"))},
		{name: "base64", kind: NotP12, file: []byte(base64.StdEncoding.EncodeToString(fixture(t, "modern-ec")))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Inspect(tt.file, fixturePassword)
			e := requireError(t, err, tt.kind)
			start := strings.LastIndex(e.Remedy, ": ") + 2
			require.Contains(t, e.Remedy[start:], "openssl ")
			command, _, _ := strings.Cut(e.Remedy[start:], " (")
			require.Contains(t, command, "-out NEW.p12")
			require.NotContains(t, command, "pass:", "a password must not stand in a list of processes")
			if tt.legacy {
				require.Contains(t, e.Remedy, "-legacy after the first pkcs12")
				command = strings.Replace(command, "pkcs12", "pkcs12 -legacy", 1)
			}

			dir := t.TempDir()
			files := map[string][]byte{"FILE.p12": tt.file, "FILE.cer": tt.cer, "CERT.pem": certPEM, "KEY.pem": keyPEM}
			for name, data := range files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
			}
			if !runOpenssl(t, dir, command) {
				return
			}
			made, err := os.ReadFile(filepath.Join(dir, "NEW.p12"))
			require.NoError(t, err)
			got, err := Inspect(made, fixturePassword)
			require.NoError(t, err)
			assert.Equal(t, "cn.example.shop", got.BundleID)
		})
	}
}

// TestReencodeCommandReadsWhatInspectReads runs the general remedy over every fixture, so
// that nobody is sent away with a command that fails.
func TestReencodeCommandReadsWhatInspectReads(t *testing.T) {
	for _, name := range []string{"modern-rsa", "legacy-rsa", "chain", "no-mac", "rc4-128"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "FILE.p12"), fixture(t, name), 0o600))
		command := ReencodeCommand
		if name == "legacy-rsa" || name == "rc4-128" {
			command = strings.Replace(command, "pkcs12", "pkcs12 -legacy", 1)
		}
		if !runOpenssl(t, dir, command) {
			continue
		}
		want, err := Inspect(fixture(t, name), fixturePassword)
		require.NoError(t, err)
		made, err := os.ReadFile(filepath.Join(dir, "NEW.p12"))
		require.NoError(t, err)
		got, err := Inspect(made, fixturePassword)
		require.NoError(t, err)
		assert.Equal(t, want.Fingerprint, got.Fingerprint)
		assert.Equal(t, want.ChainLength, got.ChainLength)
	}
}

// TestOpensslReadsWhatMintWrites holds the look-alikes to somebody else's reader.
func TestOpensslReadsWhatMintWrites(t *testing.T) {
	for _, o := range []MintOptions{
		{CAFirst: true},
		{Encoder: pkcs12.LegacyDES, Kind: MintVoIP},
		{Encoder: pkcs12.LegacyRC2, Kind: MintDevelopment},
	} {
		o.Password = fixturePassword
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "FILE.p12"), mint(t, o), 0o600))
		command := strings.Replace(ReencodeCommand, "pkcs12", "pkcs12 -legacy", 1)
		if !runOpenssl(t, dir, command) {
			continue
		}
		made, err := os.ReadFile(filepath.Join(dir, "NEW.p12"))
		require.NoError(t, err)
		got, err := Inspect(made, fixturePassword)
		require.NoError(t, err)
		assert.True(t, got.TestOnly)
	}
}

// TestOpensslReadsTheBERThatTestsMake keeps toBER honest.
func TestOpensslReadsTheBERThatTestsMake(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "FILE.p12"), toBER(t, fixture(t, "modern-ec")), 0o600))
	if runOpenssl(t, dir, ReencodeCommand) {
		made, err := os.ReadFile(filepath.Join(dir, "NEW.p12"))
		require.NoError(t, err)
		_, err = Inspect(made, fixturePassword)
		require.NoError(t, err)
	}
}

// mismatch is a file whose key belongs to another certificate.
func mismatch(t testing.TB) []byte {
	cert, _ := identityOf(t, MintOptions{})
	_, key := identityOf(t, MintOptions{})
	return pfx(t, []addFunc{plainSafe(t, certBag(cert), keyBag(key))})
}

// runOpenssl runs a shell command in dir, and reports whether there was an openssl to run.
func runOpenssl(t testing.TB, dir, command string) bool {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Log("openssl is not there: the command is checked by its form only")
		return false
	}
	if version, _ := exec.Command("openssl", "version").Output(); !strings.HasPrefix(string(version), "OpenSSL 3") {
		command = strings.ReplaceAll(command, " -legacy", "") // older ones know only the old ciphers' own way
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "P12_PASSWORD="+fixturePassword)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", command, out)
	return true
}
