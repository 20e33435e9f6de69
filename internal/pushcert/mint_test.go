package pushcert

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"
)

func TestMintMakesWhatInspectTells(t *testing.T) {
	tests := []struct {
		kind   MintKind
		uid    string
		envs   []string
		push   bool
		voip   bool
		topics int
	}{
		{MintDevelopment, "cn.example.shop", []string{"development"}, true, false, 0},
		{MintProduction, "cn.example.shop", []string{"production"}, true, false, 0},
		{MintUniversal, "cn.example.shop", []string{"development", "production"}, true, false, 3},
		{MintVoIP, "cn.example.shop.voip", []string{"development", "production"}, true, true, 0},
		{MintNotPush, "cn.example.shop", nil, false, false, 0},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind), func(t *testing.T) {
			cert, err := Inspect(mint(t, MintOptions{Kind: tt.kind, Password: "x"}), "x")
			require.NoError(t, err)
			assert.Equal(t, tt.uid, cert.BundleID)
			assert.Equal(t, "cn.example.shop", cert.App())
			assert.Equal(t, tt.envs, cert.Environments())
			assert.Equal(t, tt.push, cert.PushCertificate)
			assert.Equal(t, tt.voip, cert.VoIP)
			assert.False(t, cert.Watch)
			assert.Len(t, cert.Topics, tt.topics)
			assert.True(t, cert.TestOnly)
			assert.Contains(t, cert.CommonName, "jpsync test: ")
			assert.Contains(t, cert.CommonName, "cn.example.shop")
			assert.Equal(t, testNow.AddDate(0, -1, 0), cert.NotBefore)
			assert.Equal(t, notAfter, cert.NotAfter)
			assert.Len(t, cert.Fingerprint, 64)
			assert.NotEmpty(t, cert.Serial)
		})
	}
}

// A certificate for complications alone is recognized by its UID.
func TestWatchCertificate(t *testing.T) {
	cert, err := Inspect(mint(t, MintOptions{BundleID: "cn.example.shop.complication"}), "")
	require.NoError(t, err)
	assert.Equal(t, "cn.example.shop", cert.App())
	assert.True(t, cert.Watch)
	assert.False(t, cert.VoIP)
}

func TestMintChains(t *testing.T) {
	for caFirst, length := range map[bool]int{false: 1, true: 2} {
		for _, encoder := range []*pkcs12.Encoder{pkcs12.Modern2023, pkcs12.LegacyRC2} {
			file := mint(t, MintOptions{CAFirst: caFirst, Encoder: encoder, Password: "x"})
			cert, err := Inspect(file, "x")
			require.NoError(t, err)
			assert.Equal(t, length, cert.ChainLength)
			assert.Equal(t, "cn.example.shop", cert.BundleID)
			assert.True(t, cert.TestOnly)
			c, err := open(file, "x")
			require.NoError(t, err)
			leafFirst := fingerprint(c.certs[0]) == cert.Fingerprint
			assert.Equal(t, !caFirst, leafFirst)
		}
	}
}

func TestMintDefaults(t *testing.T) {
	file, err := Mint(MintOptions{BundleID: "cn.example.shop"})
	require.NoError(t, err)
	cert, err := Inspect(file, "")
	require.NoError(t, err)
	assert.Equal(t, "RSA 2048", cert.KeyType)
	assert.True(t, cert.Universal())
	assert.Equal(t, cert.NotBefore.AddDate(1, 1, 0), cert.NotAfter)
	assert.WithinRange(t, time.Now(), cert.NotBefore, cert.NotAfter)

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	first, err := Inspect(mint(t, MintOptions{Key: key}), "")
	require.NoError(t, err)
	assert.Equal(t, "RSA 2048", first.KeyType)
}

func TestMintRefusesWhatItDoesNotKnow(t *testing.T) {
	const canary = "canary-пароль"
	tests := []struct {
		name string
		o    MintOptions
		want string
	}{
		{"kind", MintOptions{Kind: "pass"}, `kind "pass"`},
		{"a password on a plain file", MintOptions{Encoder: pkcs12.Passwordless, Password: canary, EC: true}, "encode the p12"},
		{"a password beyond UCS-2", MintOptions{Password: canary + "\U0001F511", EC: true}, "encode the p12"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.BundleID = "cn.example.shop"
			_, err := Mint(tt.o)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestTopicsReadsWhatItCan(t *testing.T) {
	list, err := mintTopics("cn.a")
	require.NoError(t, err)
	assert.Equal(t, []string{"cn.a", "cn.a.voip", "cn.a.complication"}, topics(list))
	assert.Empty(t, topics([]byte{5, 0}))
	assert.Empty(t, topics(append(list, 0)))
	assert.Empty(t, topics(nil))
	odd, err := asn1.Marshal([]asn1.RawValue{{Tag: asn1.TagUTF8String, Bytes: []byte("a\xffb")}, {Tag: asn1.TagNull}})
	require.NoError(t, err)
	assert.Equal(t, []string{"a\uFFFDb"}, topics(odd))
}

// TestSpecialCertificatesByTopicsAlone covers those whose UID does not tell.
func TestSpecialCertificatesByTopicsAlone(t *testing.T) {
	for _, tt := range []struct {
		topics      []string
		voip, watch bool
	}{
		{nil, false, false},
		{[]string{"cn.a"}, false, false},
		{[]string{"cn.a", "cn.a.voip", "cn.a.complication"}, false, false},
		{[]string{"cn.a.voip"}, true, false},
		{[]string{"cn.a.complication"}, false, true},
	} {
		c := &Certificate{BundleID: "cn.a", Topics: tt.topics}
		assert.Equal(t, tt.voip, c.only(voipSuffix), "%v", tt.topics)
		assert.Equal(t, tt.watch, c.only(watchSuffix), "%v", tt.topics)
	}
}
