package pushcert

import (
	"math/big"
	"testing"
)

func BenchmarkInspect(b *testing.B) {
	for _, name := range []string{"modern-ec", "modern-rsa", "legacy-ec", "legacy-rsa", "plain-no-mac"} {
		data := fixture(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Inspect(data, fixturePassword); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInspectDearest measures the most that a file can cost: all rounds that the
// budget allows. maxRounds is chosen by it.
func BenchmarkInspectDearest(b *testing.B) {
	files := map[string][]byte{}
	for _, d := range digests {
		name := d.oid.String()
		most := big.NewInt(int64(maxRounds * 64 / d.new().BlockSize()))
		mac := func(algorithm addFunc) []byte {
			return pfx(b, []addFunc{plainSafe(b)}, macData(algorithm, most))
		}
		files["pkcs12 "+name] = mac(seq(id(d.oid)))
		kdf := seq(id(oidPBKDF2), seq(octets(salt), big64(most), number(20), seq(id(d.hmac))))
		if d.new().Size() >= 20 {
			files["pbkdf2 "+name] = mac(seq(id(oidPBMAC1), seq(kdf, seq(id(d.hmac)))))
		}
	}
	for name, data := range files {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Inspect(data, "x"); err == nil {
					b.Fatal("the MAC is not that of the password")
				}
			}
		})
	}
}
