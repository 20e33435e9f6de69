package pushcert

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// maxKeySize limits a private key, in bytes. An RSA key of 16384 bits takes about 9 KiB.
const maxKeySize = 10 << 10

// maxCertificateSize limits a certificate, in bytes. Apple's have about 2 KiB. The standard library
// takes minutes to write out an issuer of a million bytes.
const maxCertificateSize = 16 << 10

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
	var owners []*x509.Certificate // those whose key is there
	for _, cert := range certs {
		owns := func(key crypto.PublicKey) bool {
			k, ok := key.(interface{ Equal(crypto.PublicKey) bool })
			return ok && k.Equal(cert.PublicKey)
		}
		if slices.ContainsFunc(keys, owns) {
			owners = append(owners, cert)
		}
	}
	if len(owners) > 1 {
		return nil, fail(SeveralIdentities, fmt.Sprintf("the file holds %d certificates with their keys, and only one can be meant", len(owners)))
	}
	leaf := likelyLeaf(certs)
	if len(owners) == 1 {
		leaf = owners[0]
	}
	cert := describe(leaf)
	cert.HasKey, cert.KeyMatches = len(keys) > 0, len(owners) == 1
	cert.ChainLength = len(c.certs)
	cert.Encryption = c.encryption()
	switch {
	case len(keys) == 0:
		return cert, fail(NoKey, "the file holds a certificate without its private key")
	case len(owners) == 0:
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

// parseCertificates skips certificates that are too large or that the standard library refuses,
// unless all of them are.
func (c *contents) parseCertificates() ([]*x509.Certificate, error) {
	if len(c.certs) == 0 {
		if len(c.keys) == 0 {
			return nil, fail(NoCertificate, "the file is a p12 without anything in it")
		}
		return nil, fail(NoCertificate, "the file holds a private key without a certificate")
	}
	var certs []*x509.Certificate
	for _, der := range c.certs {
		if len(der) > maxCertificateSize {
			continue
		}
		if cert, err := x509.ParseCertificate(der); err == nil && recordable(cert.NotBefore) && recordable(cert.NotAfter) {
			certs = append(certs, cert)
		}
	}
	if len(certs) == 0 {
		return nil, fail(Damaged, "the certificate in the file cannot be read: it is damaged, far larger than Apple's, or valid beyond the year 9999")
	}
	return certs, nil
}

// recordable reports whether RFC 3339 can express a time in UTC: the years 0 to 9999.
func recordable(t time.Time) bool {
	_, err := t.UTC().MarshalText()
	return err == nil
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
	var info struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
	if !decode(der, &info) || !info.Algorithm.Algorithm.Equal(oidRSA) {
		return nil
	}
	var key struct {
		Version                         int
		N                               *big.Int
		E                               int
		D, P, Q, DmodP, DmodQ, QInverse *big.Int
	}
	if !decode(info.Key, &key) || key.Version != 0 || key.E <= 0 || key.E > 1<<31-1 {
		return nil
	}
	if key.P.Sign() <= 0 || new(big.Int).Mul(key.P, key.Q).Cmp(key.N) != 0 {
		return nil
	}
	return &rsa.PublicKey{N: key.N, E: key.E}
}

// encryption names the ciphers of the certificates and the key, or the common one. There is a
// certificate, and perhaps no key.
func (c *contents) encryption() string {
	if c.keyCipher == "" || c.keyCipher == c.certCipher {
		return c.certCipher
	}
	return c.certCipher + "/" + c.keyCipher
}
