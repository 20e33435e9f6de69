package pushcert

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The functions below put files together that no program would write.

var (
	oidPBE3DES = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidAES256  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidSHA256  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidScrypt  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
	oidHMAC256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
)

var (
	explicit0 = cbasn1.Tag(0).ContextSpecific().Constructed()
	implicit0 = cbasn1.Tag(0).ContextSpecific()
)

type addFunc = func(*cryptobyte.Builder)

func build(t testing.TB, add ...addFunc) []byte {
	t.Helper()
	b := cryptobyte.NewBuilder(nil)
	for _, f := range add {
		f(b)
	}
	out, err := b.Bytes()
	require.NoError(t, err)
	return out
}

func wrap(tag cbasn1.Tag, add ...addFunc) addFunc {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(b *cryptobyte.Builder) {
			for _, f := range add {
				f(b)
			}
		})
	}
}

func seq(add ...addFunc) addFunc { return wrap(cbasn1.SEQUENCE, add...) }
func raw(data []byte) addFunc    { return func(b *cryptobyte.Builder) { b.AddBytes(data) } }
func octets(data []byte) addFunc { return func(b *cryptobyte.Builder) { b.AddASN1OctetString(data) } }
func number(n int64) addFunc     { return func(b *cryptobyte.Builder) { b.AddASN1Int64(n) } }
func big64(n *big.Int) addFunc   { return func(b *cryptobyte.Builder) { b.AddASN1BigInt(n) } }
func id(oid asn1.ObjectIdentifier) addFunc {
	return func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) }
}

var salt = []byte("saltsalt")

func pbes1Algorithm(rounds *big.Int) addFunc {
	return seq(id(oidPBE3DES), seq(octets(salt), big64(rounds)))
}

func pbkdf2Algorithm(rounds *big.Int, extra ...addFunc) addFunc {
	extra = append(extra, seq(id(oidHMAC256)))
	return seq(id(oidPBKDF2), seq(append([]addFunc{octets(salt), big64(rounds)}, extra...)...))
}

func pbes2Algorithm(rounds *big.Int) addFunc {
	return seq(id(oidPBES2), seq(pbkdf2Algorithm(rounds), seq(id(oidAES256), octets(make([]byte, 16)))))
}

func plainSafe(t testing.TB, bags ...addFunc) addFunc {
	return seq(id(oidData), wrap(explicit0, octets(build(t, seq(bags...)))))
}

func encryptedSafe(algorithm addFunc, ciphertext []byte) addFunc {
	data := func(b *cryptobyte.Builder) { b.AddASN1(implicit0, raw(ciphertext)) }
	return seq(id(oidEncryptedData), wrap(explicit0, seq(number(0), seq(id(oidData), algorithm, data))))
}

// encryptPBES2 is what pbes2Algorithm(1) stands for.
func encryptPBES2(t testing.TB, password string, plain []byte) []byte {
	t.Helper()
	key, err := pbkdf2.Key(sha256.New, password, salt, 1, 32)
	require.NoError(t, err)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	pad := 16 - len(plain)%16
	for range pad {
		plain = append(plain, byte(pad))
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(out, plain)
	return out
}

func bag(kind asn1.ObjectIdentifier, value addFunc) addFunc {
	return seq(id(kind), wrap(explicit0, value))
}

func certBag(der []byte) addFunc {
	return bag(oidCertBag, seq(id(oidX509), wrap(explicit0, octets(der))))
}

func shroudedBag(algorithm addFunc, ciphertext []byte) addFunc {
	return bag(oidShroudedBag, seq(algorithm, octets(ciphertext)))
}

func pfx(t testing.TB, safes []addFunc, mac ...addFunc) []byte {
	t.Helper()
	info := seq(id(oidData), wrap(explicit0, octets(build(t, seq(safes...)))))
	return build(t, seq(append([]addFunc{number(3), info}, mac...)...))
}

func macData(algorithm addFunc, rounds *big.Int) addFunc {
	return seq(seq(algorithm, octets(make([]byte, 32))), octets(salt), big64(rounds))
}

// toBER rewrites DER with indefinite lengths everywhere and octet strings in pieces, as
// streaming writers do.
func toBER(t testing.TB, der []byte) []byte {
	t.Helper()
	var out []byte
	for len(der) > 0 {
		e, err := readElement(der)
		require.NoError(t, err)
		der = e.rest
		switch {
		case e.tag[0]&tagConstructed != 0:
			out = append(append(append(out, e.tag...), 0x80), toBER(t, e.content)...)
			out = append(out, 0, 0)
		case e.tag[0] == tagOctetString && len(e.content) > 100, e.tag[0] == 0x80:
			constructed := e.tag[0] | tagConstructed
			out = append(out, constructed, 0x80)
			for rest := e.content; len(rest) > 0; {
				n := min(100, len(rest))
				out = appendLength(append(out, tagOctetString), n)
				out = append(out, rest[:n]...)
				rest = rest[n:]
			}
			out = append(out, 0, 0)
		default:
			out = appendLength(append(out, e.tag...), len(e.content))
			out = append(out, e.content...)
		}
	}
	return out
}

// sealedBMP makes a file of contents with a true MAC under an encoded password.
func sealedBMP(t testing.TB, content, password []byte) []byte {
	t.Helper()
	return sealedWith(t, content, password, big64(big.NewInt(1)))
}

// sealedWith is sealedBMP with the MAC's rounds as they are given: one, or nothing.
func sealedWith(t testing.TB, content, password []byte, rounds ...addFunc) []byte {
	t.Helper()
	one := big.NewInt(1)
	key, err := pkcs12Key(&meter{left: 10}, sha256.New(), password, salt, one, forMAC, 32)
	require.NoError(t, err)
	sum := hmac.New(sha256.New, key)
	sum.Write(content)
	mac := seq(append([]addFunc{seq(seq(id(oidSHA256)), octets(sum.Sum(nil))), octets(salt)}, rounds...)...)
	return build(t, seq(number(3), seq(id(oidData), wrap(explicit0, octets(content))), mac))
}
