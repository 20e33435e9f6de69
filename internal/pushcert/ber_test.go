package pushcert

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"software.sslmate.com/src/go-pkcs12"
)

func TestInspectReadsBER(t *testing.T) {
	for _, name := range []string{"modern-ec", "legacy-rsa", "plain-no-mac", "chain"} {
		whole := fixture(t, name)
		want, err := Inspect(whole, fixturePassword)
		require.NoError(t, err)
		ber := toBER(t, whole)
		require.NotEqual(t, whole, ber)
		got, err := Inspect(ber, fixturePassword)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		for n := 1; n < len(ber); n++ {
			_, err := Inspect(ber[:n], fixturePassword)
			requireError(t, err, Truncated)
		}
	}
}

// TestInspectReadsBERWithinTheOctetString does to the contents what TestInspectReadsBER
// does to the envelope. No MAC can cover them here, so the file has none.
func TestInspectReadsBERWithinTheOctetString(t *testing.T) {
	leaf, key := leafOf(t, mint(t, MintOptions{Encoder: pkcs12.Passwordless}))
	bags := toBER(t, build(t, seq(certBag(leaf), bag(oidKeyBag, raw(key)))))
	safe := encryptedSafe(pbes2Algorithm(big.NewInt(1)), encryptPBES2(t, "x", bags))
	info := toBER(t, build(t, seq(safe)))
	file := build(t, seq(number(3), seq(id(oidData), wrap(explicit0, octets(info)))))
	cert, err := Inspect(file, "x")
	require.NoError(t, err)
	assert.Equal(t, "cn.example.shop", cert.BundleID)
	assert.Equal(t, "PBES2 AES-256-CBC", cert.Encryption)
}

// leafOf takes a plain file's certificate and PKCS#8 key.
func leafOf(t testing.TB, plain []byte) (cert, key []byte) {
	t.Helper()
	c, err := open(plain, "")
	require.NoError(t, err)
	return c.certs[0], c.keys[0]
}

func TestReadElementRefusesImpossibleSizes(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		kind Kind
	}{
		{"nothing", nil, Truncated},
		{"no length", []byte{0x30}, Truncated},
		{"cut length", []byte{0x30, 0x82, 1}, Truncated},
		{"cut content", []byte{0x30, 3, 1, 1}, Truncated},
		{"largest length", []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, Truncated},
		{"length of five bytes", []byte{0x30, 0x85, 0, 0, 0, 0, 0}, Damaged},
		{"reserved length", []byte{0x30, 0xff}, Damaged},
		{"endless string", []byte{4, 0x80, 0, 0}, Damaged},
		{"endless tag", bytes.Repeat([]byte{0xff}, 20), Damaged},
		{"cut tag", []byte{0x3f, 0x81}, Truncated},
		{"pieces that are no strings", []byte{0x24, 2, 5, 0}, Damaged},
	}
	for _, tt := range tests {
		_, err := toDER(tt.in)
		e := requireError(t, err, tt.kind)
		assert.NotEmpty(t, e.Error(), tt.name)
	}
}

func TestToDERWritesWhatCryptobyteReads(t *testing.T) {
	long := []byte{0x30, 0x84, 0, 0, 0, 3, 2, 1, 5} // lengths of more bytes than needed
	der, err := toDER(append(long, 9, 9))
	require.NoError(t, err)
	assert.Equal(t, []byte{0x30, 3, 2, 1, 5}, der)

	pieces := []byte{0x24, 0x80, 4, 1, 'a', 0x24, 0x80, 4, 2, 'b', 'c', 0, 0, 4, 0, 4, 1, 'd', 0, 0}
	der, err = toDER(pieces)
	require.NoError(t, err)
	var got cryptobyte.String
	in := cryptobyte.String(der)
	require.True(t, in.ReadASN1(&got, tagOctetString))
	assert.Equal(t, "abcd", string(got))
}
