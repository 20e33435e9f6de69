package pushcert

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// maxKeySize bounds an unencrypted private key, in bytes. RSA with 16384 bits takes about
// 9 KiB; anything larger only keeps the arithmetic busy.
const maxKeySize = 10 << 10

// withHint says that the password is wrong, and when a near one fits, which mistake was
// made: nobody sees a blank at the end of a secret.
func withHint(m *meter, password string, safe []byte, check *mac) error {
	fits := func(p string) bool {
		return slices.ContainsFunc(secrets(p), func(s secret) bool { return check.verify(m, s, safe) == nil })
	}
	err := fail(WrongPassword, "the password is wrong, or the file is damaged")
	trimmed := strings.TrimSpace(password)
	switch {
	case password == "":
		err.Message = "the file has a password, and none is given"
		err.Remedy = "name the password's environment variable or file in the manifest"
	case fits(""):
		err.Message = "the password is wrong: the file opens without one"
		err.Remedy = "leave the password out, or export the file again under one"
	case trimmed != password && fits(trimmed):
		err.Message = "the password is wrong: it fits without the white space around it"
		err.Remedy = "take the white space out of the environment variable or file that holds the password"
	}
	return err
}

// pair is a certificate with its private key.
type pair struct {
	cert *x509.Certificate
	key  crypto.PublicKey
}

// identity finds the one certificate whose private key is there.
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

// likelyLeaf picks the certificate to talk about when no key points one out: the first
// that is not an issuer's.
func likelyLeaf(certs []*x509.Certificate) *x509.Certificate {
	if i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return !c.IsCA }); i >= 0 {
		return certs[i]
	}
	return certs[0]
}

// parseCertificates leaves out issuers that the standard library refuses, as long as
// something remains.
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

// parseKeys gives the public halves of the file's private keys, which is all that is needed
// of them. One that cannot be read is left out as long as another one can.
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
