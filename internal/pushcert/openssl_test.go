package pushcert

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	fixturePassword = "s3cret"
	slowFixture     = "iterations-600000" // a real file's worth of work; once is enough
)

// fixture reads a file that openssl made; testdata/make.sh says how.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".p12"))
	require.NoError(t, err)
	return data
}

// readable lists the fixtures that hold one identity.
var readable = []struct {
	name       string
	encryption string
	password   string
}{
	{"modern-ec", "PBES2 AES-256-CBC", fixturePassword},
	{"modern-rsa", "PBES2 AES-256-CBC", fixturePassword},
	{"legacy-ec", "RC2-40/3DES", fixturePassword},
	{"legacy-rsa", "RC2-40/3DES", fixturePassword},
	{"descert", "3DES", fixturePassword},
	{"rc2-128", "RC2-128", fixturePassword},
	{"rc4-128", "RC4-128/RC4-40", fixturePassword},
	{"3des-2", "3DES-2", fixturePassword},
	{"aes-128", "PBES2 AES-128-CBC/PBES2 AES-192-CBC", fixturePassword},
	{"pbes2-3des", "PBES2 3DES", fixturePassword},
	{"mac-sha224", "PBES2 AES-256-CBC", fixturePassword},
	{"mac-md5", "PBES2 AES-256-CBC", fixturePassword},
	{"no-mac", "none/PBES2 AES-256-CBC", fixturePassword},
	{"no-mac-legacy", "none/3DES", fixturePassword},
	{"plain", "none", fixturePassword},
	{"plain-no-mac", "none", ""},
	{"plain-no-mac", "none", "a password that nothing asks for"},
	{"empty-password", "PBES2 AES-256-CBC", ""},
	{"empty-password-legacy", "RC2-40/3DES", ""},
	{"utf8-password", "PBES2 AES-256-CBC", "密码-ключ"},
	{"utf8-password-legacy", "RC2-40/3DES", "密码-ключ"},
	{"chain", "PBES2 AES-256-CBC", fixturePassword},
	{slowFixture, "PBES2 AES-256-CBC", fixturePassword},
}

func TestInspectReadsWhatOpensslWrites(t *testing.T) {
	for _, tt := range readable {
		t.Run(tt.name, func(t *testing.T) {
			cert, err := Inspect(fixture(t, tt.name), tt.password)
			require.NoError(t, err)
			assert.Equal(t, tt.encryption, cert.Encryption)
			assert.Equal(t, "cn.example.shop", cert.BundleID)
			assert.Equal(t, "openssl test: Apple Push Services: cn.example.shop", cert.CommonName)
			assert.Equal(t, []string{"cn.example.shop", "cn.example.shop.voip", "cn.example.shop.complication"}, cert.Topics)
			assert.Equal(t, "openssl test issuer", cert.Issuer)
			assert.True(t, cert.Universal())
			assert.True(t, cert.PushCertificate)
			assert.True(t, cert.HasKey && cert.KeyMatches)
			assert.False(t, cert.VoIP || cert.Watch || cert.TestOnly)
			wantType, wantChain := "EC P-256", 1
			if tt.name == "modern-rsa" || tt.name == "legacy-rsa" {
				wantType = "RSA 2048"
			}
			if tt.name == "chain" {
				wantChain = 2
			}
			assert.Equal(t, wantType, cert.KeyType)
			assert.Equal(t, wantChain, cert.ChainLength)
		})
	}
}

// TestInspectSeesOneCertificateInEveryEncoding holds what makes a re-export no change: all
// these files carry the same certificate.
func TestInspectSeesOneCertificateInEveryEncoding(t *testing.T) {
	want, err := Inspect(fixture(t, "modern-ec"), fixturePassword)
	require.NoError(t, err)
	for _, name := range []string{"legacy-ec", "rc2-128", "chain", "plain", "no-mac"} {
		got, err := Inspect(fixture(t, name), fixturePassword)
		require.NoError(t, err)
		assert.Equal(t, want.Fingerprint, got.Fingerprint, name)
		assert.Equal(t, want.Serial, got.Serial, name)
	}
	other, err := Inspect(fixture(t, "modern-rsa"), fixturePassword)
	require.NoError(t, err)
	assert.NotEqual(t, want.Fingerprint, other.Fingerprint)
}

func TestInspectSaysWhatIsWrongWithAnExport(t *testing.T) {
	tests := []struct {
		fixture  string
		password string
		kind     Kind
		message  string
	}{
		{"no-key", fixturePassword, NoKey, "without its private key"},
		{"no-certificate", fixturePassword, NoCertificate, "private key without a certificate"},
		{"two-certificates", fixturePassword, SeveralIdentities, "2 certificates with their keys"},
		{"md5-des", fixturePassword, Unsupported, "encrypted in a way that is not known"},
		{"modern-ec", "S3cret", WrongPassword, "the password is wrong, or the file is damaged"},
		{"legacy-rsa", "S3cret", WrongPassword, "the password is wrong, or the file is damaged"},
		{"modern-ec", "", WrongPassword, "the file has a password, and none is given"},
		{"modern-ec", "s3cret\n", WrongPassword, "fits without the white space"},
		{"legacy-ec", " s3cret", WrongPassword, "fits without the white space"},
		{"empty-password", fixturePassword, WrongPassword, "opens without one"},
		{"empty-password-legacy", fixturePassword, WrongPassword, "opens without one"},
		{"utf8-password-legacy", "密码-ключик", WrongPassword, "the password is wrong, or the file is damaged"},
		{"no-mac", "S3cret", WrongPassword, "the password is wrong, or the file is damaged"},
		{"no-mac-legacy", "S3cret", WrongPassword, "the password is wrong, or the file is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.fixture+" "+string(tt.kind), func(t *testing.T) {
			cert, err := Inspect(fixture(t, tt.fixture), tt.password)
			e := requireError(t, err, tt.kind)
			assert.Contains(t, e.Message, tt.message)
			assert.Equal(t, tt.kind == NoKey || tt.kind == KeyMismatch, cert != nil)
		})
	}
}

func TestInspectNamesTheCertificateThatLacksItsKey(t *testing.T) {
	cert, err := Inspect(fixture(t, "no-key"), fixturePassword)
	requireError(t, err, NoKey)
	assert.Equal(t, "cn.example.shop", cert.BundleID)
	assert.False(t, cert.HasKey)
}

// requireError checks the kind, and that both texts are there.
func requireError(t testing.TB, err error, kind Kind) *Error {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, "%v", err)
	require.NotEmpty(t, e.Message)
	require.NotEmpty(t, e.Remedy)
	return e
}
