package pushcert

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxKeySize limits a private key, in bytes. An RSA key of 16384 bits takes about 9 KiB.
const maxKeySize = 10 << 10

// pair is a certificate with its private key.
type pair struct {
	cert *x509.Certificate
	key  crypto.PublicKey
}

// identity returns the certificate whose private key is in the file.
func (c *contents) identity() (*Certificate, error) {
	certs, err := c.parseCertificates()
	if err != nil {
		return nil, err
	}
	keys, err := c.parseKeys()
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for _, cert := range certs {
		for _, key := range keys {
			if k, ok := key.(interface{ Equal(crypto.PublicKey) bool }); ok && k.Equal(cert.PublicKey) {
				pairs = append(pairs, pair{cert, key})
				break
			}
		}
	}
	if len(pairs) > 1 {
		return nil, fail(SeveralIdentities, fmt.Sprintf("the file holds %d certificates with their keys, and only one can be meant", len(pairs)))
	}
	leaf := likelyLeaf(certs)
	if len(pairs) == 1 {
		leaf = pairs[0].cert
	}
	cert := describe(leaf)
	cert.HasKey, cert.KeyMatches = len(keys) > 0, len(pairs) == 1
	cert.ChainLength = len(c.certs)
	cert.Encryption = c.encryption()
	switch {
	case len(keys) == 0:
		return cert, fail(NoKey, "the file holds a certificate without its private key")
	case len(pairs) == 0:
		return cert, fail(KeyMismatch, "the private key in the file belongs to none of its certificates")
	}
	return cert, nil
}

// likelyLeaf returns the first certificate that is not an issuer's. It is the one to report
// if no key belongs to any.
func likelyLeaf(certs []*x509.Certificate) *x509.Certificate {
	if i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return !c.IsCA }); i >= 0 {
		return certs[i]
	}
	return certs[0]
}

// parseCertificates skips certificates that the standard library refuses, unless it refuses
// all of them.
func (c *contents) parseCertificates() ([]*x509.Certificate, error) {
	if len(c.certs) == 0 {
		if len(c.keys) == 0 {
			return nil, fail(NoCertificate, "the file is a p12 without anything in it")
		}
		return nil, fail(NoCertificate, "the file holds a private key without a certificate")
	}
	var certs []*x509.Certificate
	for _, der := range c.certs {
		if cert, err := x509.ParseCertificate(der); err == nil {
			certs = append(certs, cert)
		}
	}
	if len(certs) == 0 {
		return nil, fail(Damaged, "the certificate in the file cannot be read")
	}
	return certs, nil
}

// parseKeys returns the public keys of the file's private keys. It skips unreadable ones,
// unless all of them are.
func (c *contents) parseKeys() ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	for _, der := range c.keys {
		if len(der) > maxKeySize {
			continue
		}
		if key := publicHalf(der); key != nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 && len(c.keys) > 0 {
		return nil, fail(Unsupported, "the private key in the file is damaged, or of a kind or size that is not in use")
	}
	return keys, nil
}

var oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

// publicHalf returns the public key of a private key in PKCS#8, or nil if it is unreadable.
// The standard library validates and precomputes RSA keys, which takes as long as a key
// derivation and is not needed to compare them.
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

// rsaPublicHalf parses an RSA key (RFC 5208, section 5, and RFC 8017, appendix A.1.2) and
// checks that the modulus is the product of the primes. It returns nil for keys with more
// than two primes.
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

// encryption names the ciphers of the certificates and the key, or the common one.
func (c *contents) encryption() string {
	names := slices.DeleteFunc([]string{c.certCipher, c.keyCipher}, func(s string) bool { return s == "" })
	names = slices.Compact(names)
	if len(names) == 2 {
		return names[0] + "/" + names[1]
	}
	return names[0]
}
