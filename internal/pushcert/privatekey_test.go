package pushcert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func pkcs8(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return der
}

// Whose a key is, is read as the standard library reads it.
func TestPublicHalf(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for _, key := range []crypto.Signer{rsaKey, ecKey, edKey} {
		got, ok := publicHalf(pkcs8(t, key)).(interface{ Equal(crypto.PublicKey) bool })
		require.True(t, ok)
		require.True(t, got.Equal(key.Public()))
	}
	require.NotNil(t, rsaPublicHalf(pkcs8(t, rsaKey)), "without the standard library's preparations")
}

// A key that is not whole is none.
func TestPublicHalfOfABrokenKey(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	whole := pkcs8(t, key)
	at := func(n *big.Int) int { // where a number stands
		for i := range whole {
			if b := n.Bytes(); i+len(b) <= len(whole) && string(whole[i:i+len(b)]) == string(b) {
				return i
			}
		}
		t.Fatal("the number is not there")
		return 0
	}
	for name, i := range map[string]int{"modulus": at(key.N) + 100, "first prime": at(key.Primes[0]) + 50, "second prime": at(key.Primes[1]) + 50} {
		broken := append([]byte{}, whole...)
		broken[i] ^= 1
		require.Nil(t, publicHalf(broken), name)
	}
	for n := range len(whole) {
		require.Nil(t, publicHalf(whole[:n]), n)
	}
}
