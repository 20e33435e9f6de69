package pushcert

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"
)

// identityOf mints a certificate and takes it apart.
func identityOf(t testing.TB, o MintOptions) (cert, key []byte) {
	t.Helper()
	o.Encoder = pkcs12.Passwordless
	return leafOf(t, mint(t, o))
}

func keyBag(pkcs8 []byte) addFunc { return bag(oidKeyBag, raw(pkcs8)) }

func TestInspectPairsCertificateAndKey(t *testing.T) {
	cert1, key1 := identityOf(t, MintOptions{BundleID: "cn.one"})
	cert2, key2 := identityOf(t, MintOptions{BundleID: "cn.two"})
	require.NotEqual(t, key1, key2)
	parsed, err := (&contents{keys: [][]byte{key1}}).parseKeys()
	require.NoError(t, err)
	require.Len(t, parsed, 1)
	// A good key with something appended, which readers pass over.
	padded := func(n int) []byte {
		e, err := readElement(key1)
		require.NoError(t, err)
		return build(t, seq(raw(e.content), octets(make([]byte, n-len(e.content)))))
	}

	tests := []struct {
		name   string
		bags   []addFunc
		bundle string
		kind   Kind
	}{
		{"one", []addFunc{certBag(cert1), keyBag(key1)}, "cn.one", ""},
		{"the key first", []addFunc{keyBag(key1), certBag(cert1)}, "cn.one", ""},
		{"another certificate first", []addFunc{certBag(cert2), certBag(cert1), keyBag(key1)}, "cn.one", ""},
		{"the same twice", []addFunc{certBag(cert1), certBag(cert1), keyBag(key1), keyBag(key1)}, "cn.one", ""},
		{"a key to spare", []addFunc{certBag(cert1), keyBag(key2), keyBag(key1)}, "cn.one", ""},
		{"a broken key to spare", []addFunc{certBag(cert1), keyBag([]byte{5, 0}), keyBag(key1)}, "cn.one", ""},
		{"a broken issuer", []addFunc{certBag([]byte("issuer")), certBag(cert1), keyBag(key1)}, "cn.one", ""},
		{"in a bag of bags", []addFunc{bag(oidNestedBag, seq(certBag(cert1), keyBag(key1)))}, "cn.one", ""},
		{"with a list of revocations", []addFunc{bag(oidEncryptedData, seq()), certBag(cert1), keyBag(key1)}, "cn.one", ""},
		{"with an SDSI certificate", []addFunc{bag(oidCertBag, seq(id(oidData), wrap(explicit0, octets(nil)))), certBag(cert1), keyBag(key1)}, "cn.one", ""},
		{"two", []addFunc{certBag(cert1), keyBag(key1), certBag(cert2), keyBag(key2)}, "", SeveralIdentities},
		{"another's key", []addFunc{certBag(cert1), keyBag(key2)}, "cn.one", KeyMismatch},
		{"no key", []addFunc{certBag(cert1)}, "cn.one", NoKey},
		{"no certificate", []addFunc{keyBag(key1)}, "", NoCertificate},
		{"nothing", nil, "", NoCertificate},
		{"a broken certificate", []addFunc{certBag([]byte("certificate")), keyBag(key1)}, "", Damaged},
		{"a broken key", []addFunc{certBag(cert1), keyBag([]byte{5, 0})}, "", Unsupported},
		{"a large key", []addFunc{certBag(cert1), keyBag(padded(maxKeySize - 10))}, "cn.one", ""},
		{"a huge key", []addFunc{certBag(cert1), keyBag(padded(maxKeySize))}, "", Unsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Inspect(pfx(t, []addFunc{plainSafe(t, tt.bags...)}), "")
			if tt.kind != "" {
				requireError(t, err, tt.kind)
			} else {
				require.NoError(t, err)
				assert.True(t, got.HasKey && got.KeyMatches)
			}
			if tt.bundle == "" {
				assert.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			assert.Equal(t, tt.bundle, got.BundleID)
			assert.Equal(t, tt.kind != NoKey, got.HasKey)
			assert.Equal(t, tt.kind == "", got.KeyMatches)
		})
	}
}

func TestInspectPassesOverIssuersWithoutAKey(t *testing.T) {
	c, err := open(mint(t, MintOptions{Encoder: pkcs12.Passwordless, CAFirst: true}), "")
	require.NoError(t, err)
	require.Len(t, c.certs, 2)
	got, err := Inspect(pfx(t, []addFunc{plainSafe(t, certBag(c.certs[0]), certBag(c.certs[1]))}), "")
	requireError(t, err, NoKey)
	assert.Equal(t, "cn.example.shop", got.BundleID)
	got, err = Inspect(pfx(t, []addFunc{plainSafe(t, certBag(c.certs[0]))}), "")
	requireError(t, err, NoKey)
	assert.Equal(t, "jpsync test issuer", got.CommonName)
}

// TestInspectTellsTwoPasswords: some programs put the contents under another password than
// the MAC. Saying that the password is wrong would send people in circles.
func TestInspectTellsTwoPasswords(t *testing.T) {
	one := big.NewInt(1)
	safe := encryptedSafe(pbes2Algorithm(one), encryptPBES2(t, "inner", build(t, seq())))
	content := build(t, seq(safe))
	file := sealed(t, content, "outer")
	_, err := Inspect(file, "outer")
	e := requireError(t, err, Unsupported)
	assert.Contains(t, e.Message, "another password than its MAC")
	_, err = Inspect(file, "inner")
	requireError(t, err, WrongPassword)
	_, err = Inspect(sealed(t, content, "inner"), "inner")
	requireError(t, err, NoCertificate)
}

// TestInspectGuessesWithoutAMAC: a decryption under a wrong password may by chance end in
// what looks like padding. Then only the nonsense in front of it tells.
func TestInspectGuessesWithoutAMAC(t *testing.T) {
	nonsense := []byte{0x17, 0x42}
	encrypted := encryptedSafe(pbes2Algorithm(big.NewInt(1)), encryptPBES2(t, "x", nonsense))
	_, err := Inspect(pfx(t, []addFunc{encrypted}), "x")
	requireError(t, err, WrongPassword)
	plain := seq(id(oidData), wrap(explicit0, octets(nonsense)))
	_, err = Inspect(pfx(t, []addFunc{plain}), "x")
	requireError(t, err, Damaged)
}

// The rounds of a MAC may be left out: then there is one.
func TestInspectTakesAMissingNumberOfRoundsForOne(t *testing.T) {
	content := build(t, seq(plainSafe(t)))
	_, err := Inspect(sealedWith(t, content, secrets("x")[0].bmp), "x")
	requireError(t, err, NoCertificate)
	_, err = Inspect(sealedWith(t, content, secrets("x")[0].bmp), "y")
	requireError(t, err, WrongPassword)
}

// sealed makes a file of contents with a true MAC.
func sealed(t testing.TB, content []byte, password string) []byte {
	t.Helper()
	return sealedBMP(t, content, secrets(password)[0].bmp)
}

// TestInspectReadsOldEncodings covers the ways in which programs encoded passwords before
// they agreed on one.
func TestInspectReadsOldEncodings(t *testing.T) {
	cert, key := identityOf(t, MintOptions{})
	content := build(t, seq(plainSafe(t, certBag(cert), keyBag(key))))
	tests := []struct {
		name     string
		bmp      []byte
		password string
	}{
		{"UTF-16", []byte{0, 'p', 0, 0xe9, 0, 0}, "pé"},
		{"bytes for characters", []byte{0, 'p', 0, 0xc3, 0, 0xa9, 0, 0}, "pé"},
		{"a password that is no UTF-8", []byte{0, 'p', 0, 0xe9, 0, 0}, "p\xe9"},
		{"surrogates", []byte{0xd8, 0x3d, 0xdd, 0x11, 0, 0}, "\U0001F511"},
		{"an empty string", []byte{0, 0}, ""},
		{"nothing", nil, ""},
	}
	for _, tt := range tests {
		_, err := Inspect(sealedBMP(t, content, tt.bmp), tt.password)
		assert.NoError(t, err, tt.name)
		_, err = Inspect(sealedBMP(t, content, tt.bmp), tt.password+"x")
		requireError(t, err, WrongPassword)
	}
}

// TestInspectAgreesWithAnotherReader compares with the library that Mint writes through:
// what it opens, Inspect opens, with the same certificate.
func TestInspectAgreesWithAnotherReader(t *testing.T) {
	compared := 0
	for _, f := range readable {
		if f.name == slowFixture {
			continue
		}
		data := fixture(t, f.name)
		_, cert, _, err := pkcs12.DecodeChain(data, f.password)
		if err != nil {
			continue
		}
		got, err := Inspect(data, f.password)
		require.NoError(t, err)
		assert.Equal(t, fingerprint(cert.Raw), got.Fingerprint)
		compared++
	}
	assert.GreaterOrEqual(t, compared, 12)
}
