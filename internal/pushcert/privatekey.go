package pushcert

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

// publicHalf gives the public half of a private key in PKCS#8, nil for one that cannot be read.
// An RSA key is not made ready for use, as the standard library would do it: that takes as long
// as a key derivation, and all that is asked here is whose key it is.
func publicHalf(der []byte) crypto.PublicKey {
	if key := rsaPublicHalf(der); key != nil {
		return key
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if signer, ok := key.(crypto.Signer); ok && err == nil {
		return signer.Public()
	}
	return nil
}

// rsaPublicHalf reads an RSA key (RFC 5208, section 5, and RFC 8017, appendix A.1.2). It makes
// sure that the modulus is the product of the primes and that nothing is missing. Keys of more
// than two primes are left to the standard library.
func rsaPublicHalf(der []byte) *rsa.PublicKey {
	var info, octets, numbers cryptobyte.String
	var version int
	in := cryptobyte.String(der)
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !in.Empty() || !info.ReadASN1Integer(&version) || version != 0 {
		return nil
	}
	how, ok := readAlgorithm(&info)
	if !ok || !how.oid.Equal(oidRSA) || !info.ReadASN1(&octets, cbasn1.OCTET_STRING) ||
		!octets.ReadASN1(&numbers, cbasn1.SEQUENCE) || !octets.Empty() || !numbers.ReadASN1Integer(&version) || version != 0 {
		return nil
	}
	var all [8]*big.Int // n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p
	for i := range all {
		all[i] = new(big.Int)
		if !numbers.ReadASN1Integer(all[i]) || all[i].Sign() <= 0 {
			return nil
		}
	}
	n, e, p, q := all[0], all[1], all[3], all[4]
	if !numbers.Empty() || !e.IsInt64() || e.Int64() > 1<<31-1 || new(big.Int).Mul(p, q).Cmp(n) != 0 {
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}
