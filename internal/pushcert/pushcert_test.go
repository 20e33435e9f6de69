package pushcert

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"
)

var (
	testNow  = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	notAfter = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
)

// mint makes a file with an EC key, unless o says otherwise.
func mint(t testing.TB, o MintOptions) []byte {
	t.Helper()
	if o.BundleID == "" {
		o.BundleID = "cn.example.shop"
	}
	o.EC = true
	if o.NotAfter.IsZero() {
		o.NotBefore, o.NotAfter = testNow.AddDate(0, -1, 0), notAfter
	}
	file, err := Mint(o)
	require.NoError(t, err)
	return file
}

func TestInspectReadsEveryEncryption(t *testing.T) {
	tests := []struct {
		name     string
		encoder  *pkcs12.Encoder
		password string
		want     string
	}{
		{"modern", pkcs12.Modern2023, "s3cret", "PBES2 AES-256-CBC"},
		{"modern", pkcs12.Modern2023, "", "PBES2 AES-256-CBC"},
		{"modern", pkcs12.Modern2023, "密码", "PBES2 AES-256-CBC"},
		{"PBMAC1", pkcs12.Modern2026, "s3cret", "PBES2 AES-256-CBC"},
		{"PBMAC1", pkcs12.Modern2026, "", "PBES2 AES-256-CBC"},
		{"legacy", pkcs12.LegacyRC2, "s3cret", "RC2-40/3DES"},
		{"legacy", pkcs12.LegacyRC2, "", "RC2-40/3DES"},
		{"legacy", pkcs12.LegacyRC2, "пароль", "RC2-40/3DES"},
		{"legacy DES", pkcs12.LegacyDES, "s3cret", "3DES"},
		{"plain", pkcs12.Passwordless, "", "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.password, func(t *testing.T) {
			file := mint(t, MintOptions{Encoder: tt.encoder, Password: tt.password})
			cert, err := Inspect(file, tt.password)
			require.NoError(t, err)
			assert.Equal(t, tt.want, cert.Encryption)
			assert.Equal(t, "cn.example.shop", cert.BundleID)
			assert.True(t, cert.KeyMatches)
		})
	}
}

// TestPushCertificateNeedsBothMarks: Apple's other certificates have one or the other.
func TestPushCertificateNeedsBothMarks(t *testing.T) {
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for _, tt := range []struct {
		mark  asn1.ObjectIdentifier
		usage []x509.ExtKeyUsage
		want  bool
	}{
		{oidDevelopment, client, true},
		{oidProduction, client, true},
		{oidTopics, client, true},
		{oidVoIP, client, true},
		{oidUID, client, false},
		{oidProduction, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, false},
		{oidProduction, nil, false},
	} {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(1), ExtKeyUsage: tt.usage, Extensions: []pkix.Extension{{Id: tt.mark}},
			Issuer: pkix.Name{Organization: []string{"an issuer"}},
		}
		got := describe(leaf)
		assert.Equal(t, tt.want, got.PushCertificate, "%v %v", tt.mark, tt.usage)
		assert.Equal(t, tt.mark.Equal(oidVoIP), got.VoIP)
		assert.Equal(t, "O=an issuer", got.Issuer)
		assert.Equal(t, "unknown", got.KeyType)
	}
}

// The file's certificate ends in the year 10000, which no state can record.
func TestInspectRefusesAYearBeyond9999(t *testing.T) {
	data, err := os.ReadFile("testdata/year10000.p12")
	require.NoError(t, err)
	_, err = Inspect(data, "")
	e := requireError(t, err, Damaged)
	require.Contains(t, e.Message, "year 9999")
}
