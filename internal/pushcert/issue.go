package pushcert

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"

	"software.sslmate.com/src/go-pkcs12"
)

// encode issues the certificate and packs it up.
func (o MintOptions) encode(encoder *pkcs12.Encoder, template *x509.Certificate, key crypto.Signer) ([]byte, error) {
	issuerKey, issuer := key, template
	if o.Chain != ChainNone {
		caKey, err := mintECKey(o.Rand)
		if err != nil {
			return nil, fmt.Errorf("mint a test certificate: make its issuer's key: %w", err)
		}
		ca := &x509.Certificate{
			Subject: mintName("jpsync test issuer", ""), IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign,
		}
		if issuer, err = o.issue(ca, ca, caKey.Public(), caKey); err != nil {
			return nil, err
		}
		issuerKey = caKey
	}
	leaf, err := o.issue(template, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, err
	}
	first, others := leaf, []*x509.Certificate{issuer}
	switch o.Chain {
	case ChainNone:
		others = nil
	case ChainLeafFirst:
	case ChainCAFirst:
		first, others = issuer, []*x509.Certificate{leaf}
	default:
		return nil, fmt.Errorf("mint a test certificate: chain %q is not known", o.Chain)
	}
	file, err := encoder.WithRand(o.Rand).Encode(key, first, others, o.Password)
	if err != nil {
		// The encoder's errors are about the password's characters or the combination
		// of options, and quote neither.
		return nil, fmt.Errorf("mint a test certificate: encode the p12: %w", err)
	}
	return file, nil
}

func (o MintOptions) issue(template, issuer *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial := make([]byte, 8)
	if _, err := io.ReadFull(o.Rand, serial); err != nil {
		return nil, fmt.Errorf("mint a test certificate: make its serial number: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive, and always of one length
	template.SerialNumber = new(big.Int).SetBytes(serial)
	template.NotBefore, template.NotAfter = o.NotBefore, o.NotAfter
	// Without a source of randomness ECDSA signs deterministically (RFC 6979).
	der, err := x509.CreateCertificate(nil, template, issuer, public, key)
	if err != nil {
		return nil, fmt.Errorf("mint a test certificate: sign it: %w", err)
	}
	return x509.ParseCertificate(der)
}

func mintName(commonName, uid string) pkix.Name {
	name := pkix.Name{CommonName: commonName, Organization: []string{TestMark}}
	if uid != "" {
		name.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidUID, Value: uid}}
	}
	return name
}

// mintTopics encodes what Apple lists for an app with a universal certificate.
func mintTopics(bundleID string) ([]byte, error) {
	type kinds []asn1.RawValue
	utf8 := func(s string) asn1.RawValue {
		return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)}
	}
	var fields []any
	for _, t := range []struct{ suffix, kind string }{{"", "app"}, {voipSuffix, "voip"}, {watchSuffix, "complication"}} {
		fields = append(fields, utf8(bundleID+t.suffix), kinds{utf8(t.kind)})
	}
	var body []byte
	for _, f := range fields {
		der, err := asn1.Marshal(f)
		if err != nil {
			return nil, err
		}
		body = append(body, der...)
	}
	return asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: body})
}
