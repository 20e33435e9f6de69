package pushcert

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"
)

var (
	two9   = big.NewInt(2_000_000_000)
	beyond = new(big.Int).Lsh(big.NewInt(1), 200)
)

// killers are files that ask for hours of key derivation, each in another place. A reader
// that gives in to one does not come back before the test's time is up.
func killers(t testing.TB) map[string][]byte {
	one := big.NewInt(1)
	sha := seq(id(oidSHA256))
	block := make([]byte, 48)
	files := map[string][]byte{}
	for name, n := range map[string]*big.Int{"2e9": two9, "2^200": beyond, "just too many": big.NewInt(maxRounds + 1)} {
		nested := shroudedBag(pbes2Algorithm(n), block)
		inner := encryptPBES2(t, "x", build(t, seq(nested)))
		files["mac "+name] = pfx(t, []addFunc{plainSafe(t)}, macData(sha, n))
		files["pbmac1 "+name] = pfx(t, []addFunc{plainSafe(t)}, macData(seq(id(oidPBMAC1),
			seq(pbkdf2Algorithm(n, number(32)), seq(id(oidHMAC256)))), one))
		files["pbes1 safe "+name] = pfx(t, []addFunc{encryptedSafe(pbes1Algorithm(n), block)})
		files["pbes2 safe "+name] = pfx(t, []addFunc{encryptedSafe(pbes2Algorithm(n), block)})
		files["pbes1 key "+name] = pfx(t, []addFunc{plainSafe(t, shroudedBag(pbes1Algorithm(n), block))})
		files["pbes2 key "+name] = pfx(t, []addFunc{plainSafe(t, shroudedBag(pbes2Algorithm(n), block))})
		files["key within an encrypted safe "+name] = pfx(t, []addFunc{encryptedSafe(pbes2Algorithm(one), inner)})
	}
	some := shroudedBag(pbes2Algorithm(big.NewInt(1)), encryptPBES2(t, "x", []byte("key")))
	files["the sum of many"] = pfx(t, []addFunc{
		plainSafe(t, some, some, some, shroudedBag(pbes2Algorithm(big.NewInt(maxRounds-2)), block)),
	})
	return files
}

func TestInspectRefusesCostlyFilesBeforeTheWork(t *testing.T) {
	for name, file := range killers(t) {
		t.Run(name, func(t *testing.T) {
			_, err := Inspect(file, "x")
			e := requireError(t, err, TooCostly)
			assert.Contains(t, e.Remedy, ReencodeCommand)
		})
	}
}

// TestMeterCountsAcrossDerivations holds the bound on the sum, not on each.
func TestMeterCountsAcrossDerivations(t *testing.T) {
	m := &meter{left: 100}
	n, err := m.spend(big.NewInt(30), sha1.New(), 21) // two blocks
	require.NoError(t, err)
	assert.Equal(t, 30, n)
	_, err = m.spend(big.NewInt(21), sha1.New(), 40)
	requireError(t, err, TooCostly)
	_, err = m.spend(big.NewInt(10), sha512.New(), 64) // one, of twice the work
	require.NoError(t, err)
	_, err = m.spend(big.NewInt(20), sha256.New(), 32)
	require.NoError(t, err)
	_, err = m.spend(big.NewInt(1), sha256.New(), 1)
	requireError(t, err, TooCostly)
	_, err = m.spend(big.NewInt(0), sha1.New(), 1)
	requireError(t, err, Damaged)
	_, err = m.spend(big.NewInt(-5), sha1.New(), 1)
	requireError(t, err, Damaged)
}

// TestInspectCountsEveryTry holds that the other encodings of a password, and the guesses
// at what went wrong with it, come out of the same budget.
func TestInspectCountsEveryTry(t *testing.T) {
	third := big.NewInt(maxRounds / 3)
	file := pfx(t, []addFunc{plainSafe(t)}, macData(seq(id(oidSHA256)), third))
	der, err := toDER(file)
	require.NoError(t, err)
	safe, check, err := readPFX(der)
	require.NoError(t, err)
	m := &meter{left: maxRounds}
	_, err = openWith(m, secrets("ключ"), safe, check)
	requireError(t, err, WrongPassword)
	assert.Less(t, m.left, third.Int64()+3)
	withHint(m, " ключ", safe, check)
	assert.GreaterOrEqual(t, m.left, int64(0))
}

func TestInspectRefusesMoreThanRealFilesHold(t *testing.T) {
	many := func(n int, f func(i int) addFunc) (out []addFunc) {
		for i := range n {
			out = append(out, f(i))
		}
		return out
	}
	cert := func(i int) addFunc { return certBag(fmt.Append(nil, "certificate ", i)) }
	key := func(i int) addFunc { return bag(oidKeyBag, octets(fmt.Append(nil, "key ", i))) }
	shrouded := encryptPBES2(t, "", []byte("key"))
	nested := func(depth int) addFunc {
		b := certBag([]byte("certificate"))
		for range depth {
			b = bag(oidNestedBag, seq(b))
		}
		return b
	}
	deep := octets(nil)
	for range maxDepth + 1 {
		deep = seq(deep)
	}
	tests := []struct {
		name string
		file []byte
		kind Kind
	}{
		{"certificates within bounds", pfx(t, []addFunc{plainSafe(t, many(maxCertificates, cert)...)}), Damaged},
		{"too many certificates", pfx(t, []addFunc{plainSafe(t, many(maxCertificates+1, cert)...)}), SeveralIdentities},
		{"keys within bounds", pfx(t, []addFunc{plainSafe(t, many(maxKeys, key)...)}), NoCertificate},
		{"too many keys", pfx(t, []addFunc{plainSafe(t, many(maxKeys+1, key)...)}), SeveralIdentities},
		{"too many encrypted keys", pfx(t, []addFunc{plainSafe(t, many(maxKeys+1, func(int) addFunc {
			return shroudedBag(pbes2Algorithm(big.NewInt(1)), shrouded)
		})...)}), SeveralIdentities},
		{"bags in bags within bounds", pfx(t, []addFunc{plainSafe(t, nested(maxBagDepth))}), Damaged},
		{"too many bags in bags", pfx(t, []addFunc{plainSafe(t, nested(maxBagDepth+1))}), Damaged},
		{"too deep", pfx(t, []addFunc{deep}), Damaged},
		{"too deep without end", append([]byte{0x30, 0x80, 2, 1, 3}, bytes.Repeat([]byte{0x30, 0x80}, MaxSize/2-10)...), Damaged},
		{"a certificate within bounds", pfx(t, []addFunc{plainSafe(t, certBag(withIssuer(t, maxCertificateSize-300)))}), NoKey},
		{"too large a certificate", pfx(t, []addFunc{plainSafe(t, certBag(withIssuer(t, maxCertificateSize)))}), Damaged},
		{"too large", make([]byte, MaxSize+1), TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Inspect(tt.file, "")
			e := requireError(t, err, tt.kind)
			switch tt.name {
			case "bags in bags within bounds":
				assert.Contains(t, e.Message, "certificate in the file cannot be read")
			case "too many bags in bags":
				assert.Contains(t, e.Message, "structure")
			}
		})
	}
}

func TestInspectReadsAFileCutShort(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range readable {
		if f.name == slowFixture || seen[f.name] {
			continue
		}
		seen[f.name] = true
		whole := fixture(t, f.name)
		for n := 1; n < len(whole); n++ {
			cert, err := Inspect(whole[:n], f.password)
			e := requireError(t, err, Truncated)
			require.Nil(t, cert)
			require.NotEqual(t, NotP12, e.Kind)
		}
	}
	_, err := Inspect(nil, fixturePassword)
	requireError(t, err, Empty)
}

// TestInspectReadsADamagedFile turns every byte of a file over. Nothing may panic, and no
// damage may go unnoticed: the MAC covers what matters.
func TestInspectReadsADamagedFile(t *testing.T) {
	whole := mint(t, MintOptions{Encoder: pkcs12.LegacyDES, Password: "x"})
	want, err := Inspect(whole, "x")
	require.NoError(t, err)
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0xff
		got, err := Inspect(damaged, "x")
		if err == nil {
			require.Equal(t, want, got, "byte %d", i)
		}
	}
}

// withIssuer returns a certificate with an issuer of this many bytes and no common name.
func withIssuer(t *testing.T, size int) (der []byte) {
	t.Helper()
	_, key := leafOf(t, mint(t, MintOptions{Encoder: pkcs12.Passwordless, EC: true}))
	signer, err := x509.ParsePKCS8PrivateKey(key)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	attribute := build(t, wrap(cbasn1.SET, seq(id(asn1.ObjectIdentifier{1, 2, 3}), raw([]byte{0x13, 0}))))
	issuer := &x509.Certificate{RawSubject: build(t, seq(raw(bytes.Repeat(attribute, size/len(attribute)))))}
	der, err = x509.CreateCertificate(rand.Reader, template, issuer, signer.(crypto.Signer).Public(), signer)
	require.NoError(t, err)
	return der
}

// TestInspectTakesBoundedMemory feeds it the largest files of the most wasteful shapes.
func TestInspectTakesBoundedMemory(t *testing.T) {
	fill := func(unit []byte) []byte { return bytes.Repeat(unit, (MaxSize-1200)/len(unit)) }
	cert, _ := leafOf(t, mint(t, MintOptions{Encoder: pkcs12.Passwordless}))
	der, err := x509.ParseCertificate(cert)
	require.NoError(t, err)
	manyBags := fill(build(t, certBag(der.RawSubject)))
	deep := []byte{5, 0}
	for range 15 {
		deep = build(t, seq(raw(deep)))
	}
	files := map[string][]byte{
		"endless elements":  build(t, seq(number(3), raw(fill([]byte{0x30, 0x80, 0, 0})))),
		"empty elements":    build(t, seq(number(3), raw(fill([]byte{5, 0})))),
		"many safes":        pfx(t, []addFunc{raw(fill(build(t, plainSafe(t))))}),
		"many bags":         pfx(t, []addFunc{plainSafe(t, raw(manyBags))}),
		"tiny bags":         pfx(t, []addFunc{plainSafe(t, raw(fill([]byte{0x30, 3, 6, 1, 0x2a})))}),
		"tiny parts":        pfx(t, []addFunc{raw(fill([]byte{0x30, 3, 6, 1, 0x2a}))}),
		"deep elements":     pfx(t, []addFunc{plainSafe(t, raw(fill(deep)))}),
		"many pieces":       build(t, seq(number(3), seq(id(oidData), wrap(explicit0, wrap(tagConstructedOctetString, raw(fill([]byte{4, 1, 7}))))))),
		"ciphertext pieces": pfx(t, []addFunc{seq(id(oidEncryptedData), wrap(explicit0, seq(number(0), seq(id(oidData), pbes2Algorithm(big.NewInt(1)), wrap(explicit0, raw(fill([]byte{4, 1, 7})))))))}),
		"large salt":        pfx(t, []addFunc{encryptedSafe(seq(id(oidPBE3DES), seq(octets(fill([]byte{7})), number(1000))), make([]byte, 16))}),
		"large issuer":      pfx(t, []addFunc{plainSafe(t, certBag(withIssuer(t, MaxSize-1200)))}),
		"large certificate": pfx(t, []addFunc{plainSafe(t, certBag(build(t, seq(raw(fill([]byte{0x30, 0}))))))}),
		"large key":         pfx(t, []addFunc{plainSafe(t, certBag(cert), bag(oidKeyBag, seq(raw(fill([]byte{2, 1, 0})))))}),
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			require.Greater(t, len(file), MaxSize-3000)
			require.LessOrEqual(t, len(file), MaxSize)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			_, err := Inspect(file, "密码")
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			// All that was ever allocated, and so more than was ever held at once.
			allocated := after.TotalAlloc - before.TotalAlloc
			assert.Less(t, allocated, uint64(64<<20))
			t.Logf("%d KiB allocated: %v", allocated>>10, err.(*Error).Kind)
		})
	}
}

// TestErrorsKeepSecrets looks for the password, in whole and in part, in everything that
// Inspect says.
func TestErrorsKeepSecrets(t *testing.T) {
	const canary = "canary-7f3a9c-пароль"
	files := killers(t)
	for _, f := range readable {
		if f.name != slowFixture {
			files[f.name] = fixture(t, f.name)
		}
	}
	files["cut"] = fixture(t, "modern-ec")[:300]
	files["text"] = []byte(canary)
	files["PEM"] = []byte("-----BEGIN " + canary + "-----\n")
	for name, file := range files {
		for _, password := range []string{canary, " " + canary + "\n"} {
			_, err := Inspect(file, password)
			if err == nil {
				continue
			}
			for _, part := range []string{"canary", "7f3a9c", "пароль", "cn.example"} {
				assert.False(t, strings.Contains(err.Error(), part), "%s: %v", name, err)
			}
		}
	}
}

func TestInspectTellsUnsupportedFiles(t *testing.T) {
	one := big.NewInt(1)
	scrypt := seq(id(oidPBES2), seq(seq(id(oidScrypt), seq(octets(salt), number(1<<40))), seq(id(oidAES256), octets(make([]byte, 16)))))
	oldVersion := build(t, seq(number(2), seq(id(oidData))))
	signed := build(t, seq(number(3), seq(id(oidEncryptedData))))
	enveloped := pfx(t, []addFunc{seq(id(oidX509), wrap(explicit0, seq()))})
	unknownMAC := pfx(t, []addFunc{plainSafe(t)}, macData(seq(id(oidScrypt)), one))
	tests := map[string][]byte{
		"scrypt":            pfx(t, []addFunc{encryptedSafe(scrypt, make([]byte, 48))}),
		"version 2":         oldVersion,
		"signed":            signed,
		"enveloped":         enveloped,
		"unknown MAC":       unknownMAC,
		"a key of a system": pfx(t, []addFunc{plainSafe(t, certBag(firstOf(leafOf(t, mint(t, MintOptions{Encoder: pkcs12.Passwordless})))), bag(oidKeyBag, seq(number(0))))}),
	}
	for name, file := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Inspect(file, "x")
			requireError(t, err, Unsupported)
		})
	}
}

func firstOf(a, _ []byte) []byte { return a }
