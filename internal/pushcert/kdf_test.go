package pushcert

import (
	"crypto/des"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// TestRC2 checks against the examples of RFC 2268, section 5, that use the key's whole
// length.
func TestRC2(t *testing.T) {
	tests := []struct{ key, plain, cipher string }{
		{"ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
		{"88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	}
	for _, tt := range tests {
		got := make([]byte, 8)
		newRC2(unhex(t, tt.key)).Decrypt(got, unhex(t, tt.cipher))
		assert.Equal(t, tt.plain, hex.EncodeToString(got))
	}
	assert.Panics(t, func() { newRC2([]byte{1}).Encrypt(nil, nil) })
}

func TestTwoKeyDESRepeatsTheFirst(t *testing.T) {
	key := unhex(t, "0123456789abcdeffedcba9876543210")
	two, err := twoKeyDES(key)
	require.NoError(t, err)
	three, err := des.NewTripleDESCipher(append(key[:16:16], key[:8]...))
	require.NoError(t, err)
	a, b := make([]byte, 8), make([]byte, 8)
	two.Encrypt(a, key[:8])
	three.Encrypt(b, key[:8])
	assert.Equal(t, b, a)
	assert.Equal(t, "0123456789abcdeffedcba9876543210", hex.EncodeToString(key), "the caller's key changed")
}

// TestPKCS12KeyLeavesItsInputsAlone: salt and password are read again for the IV.
func TestPKCS12KeyLeavesItsInputsAlone(t *testing.T) {
	password, salt := []byte{0, 'a', 0, 0}, make([]byte, 64)
	m := &meter{left: 1000}
	first, err := pkcs12Key(m, sha1.New(), password, salt, big.NewInt(5), forKey, 60)
	require.NoError(t, err)
	assert.EqualValues(t, 1000-3*5, m.left)
	again, err := pkcs12Key(m, sha1.New(), password, salt, big.NewInt(5), forKey, 60)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Equal(t, make([]byte, 64), salt)
	iv, err := pkcs12Key(m, sha1.New(), password, salt, big.NewInt(5), forIV, 60)
	require.NoError(t, err)
	assert.NotEqual(t, first, iv)
}

func TestPBKDF2KeyRefusesOddParameters(t *testing.T) {
	rounds := big.NewInt(1)
	tests := []struct {
		name   string
		stated int64
		size   int
		ok     bool
	}{
		{"as the cipher needs it", 32, 32, true},
		{"unlike the cipher", 16, 32, false},
		{"a MAC's", 32, 0, true},
		{"a MAC's of one byte", 1, 0, false},
		{"a MAC's of a gigabyte", 1 << 30, 0, false},
		{"a negative one", -1, 0, false},
	}
	for _, tt := range tests {
		var kdf pkix.AlgorithmIdentifier
		require.True(t, decode(build(t, pbkdf2Algorithm(rounds, number(tt.stated))), &kdf))
		key, err := pbkdf2Key(&meter{left: 10}, secret{utf8: "x"}, kdf, tt.size)
		assert.Equal(t, tt.ok, err == nil, "%s: %v", tt.name, err)
		assert.Equal(t, tt.ok, len(key) == 32)
	}
}

func TestPBMAC1RefusesShortKeys(t *testing.T) {
	for size, kind := range map[int64]Kind{16: Damaged, 20: WrongPassword} {
		mac := macData(seq(id(oidPBMAC1), seq(pbkdf2Algorithm(big.NewInt(1), number(size)), seq(id(oidHMAC256)))), big.NewInt(1))
		_, err := Inspect(pfx(t, []addFunc{plainSafe(t)}, mac), "x")
		requireError(t, err, kind)
	}
}
