package pushcert

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// testMark is the organization in the subject of every certificate that [Mint] makes.
// [Inspect] recognizes them by it.
const testMark = "jpsync test certificate - not issued by Apple"

// MintKind is what a minted certificate is for.
type MintKind string

// The kinds of certificates.
const (
	MintDevelopment MintKind = "development"
	MintProduction  MintKind = "production"
	MintUniversal   MintKind = "universal"
	MintVoIP        MintKind = "voip"
	MintNotPush     MintKind = "not-push" // a TLS client's, without Apple's extensions
)

// MintOptions configures [Mint]. Only BundleID is required. The default is a universal
// certificate with an RSA key, valid for thirteen months from an hour ago, in the encryption of
// openssl 3 with an empty password.
type MintOptions struct {
	BundleID  string
	Kind      MintKind
	NotBefore time.Time
	NotAfter  time.Time
	Password  string
	Encoder   *pkcs12.Encoder // says how the file is encrypted; nil: [pkcs12.Modern2023]
	CAFirst   bool            // the file has its issuer's certificate too, before the leaf
	EC        bool            // an EC key; Apple's certificates have RSA keys
	Key       crypto.Signer   // used instead of a new one: a new RSA key takes a tenth of a second
}

// mintKinds has the common names and extensions of Apple's certificates.
var mintKinds = map[MintKind]struct {
	title      string
	suffix     string // of the UID
	extensions []asn1.ObjectIdentifier
}{
	MintDevelopment: {"Apple Development IOS Push Services", "", []asn1.ObjectIdentifier{oidDevelopment}},
	MintProduction:  {"Apple Production IOS Push Services", "", []asn1.ObjectIdentifier{oidProduction}},
	MintUniversal:   {"Apple Push Services", "", []asn1.ObjectIdentifier{oidDevelopment, oidProduction, oidTopics}},
	MintVoIP:        {"VoIP Services", voipSuffix, []asn1.ObjectIdentifier{oidDevelopment, oidProduction}},
	MintNotPush:     {"Client", "", nil},
}

// Mint makes a .p12 for rehearsals and tests. It has everything that Apple's have but their
// issuer, and its subject, issuer and common name say so. APNs and JPush refuse it, and
// [Certificate.TestOnly] is set.
func Mint(o MintOptions) ([]byte, error) {
	file, err := o.mint()
	if err != nil {
		return nil, fmt.Errorf("mint a test certificate: %w", err)
	}
	return file, nil
}

func (o MintOptions) mint() ([]byte, error) {
	o.Kind = cmp.Or(o.Kind, MintUniversal)
	o.Encoder = cmp.Or(o.Encoder, pkcs12.Modern2023)
	o.NotBefore = cmp.Or(o.NotBefore, time.Now().Add(-time.Hour))
	o.NotAfter = cmp.Or(o.NotAfter, o.NotBefore.AddDate(1, 1, 0))
	kind, ok := mintKinds[o.Kind]
	if !ok {
		return nil, fmt.Errorf("kind %q is not known", o.Kind)
	}
	key, err := o.leafKey()
	if err != nil {
		return nil, fmt.Errorf("make its key: %w", err)
	}
	template := &x509.Certificate{
		Subject:     mintName("jpsync test: "+kind.title+": "+o.BundleID, o.BundleID+kind.suffix),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature,
	}
	for _, oid := range kind.extensions {
		value := []byte{5, 0} // NULL
		if oid.Equal(oidTopics) {
			if value, err = mintTopics(o.BundleID); err != nil {
				return nil, fmt.Errorf("encode its topics: %w", err)
			}
		}
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oid, Value: value})
	}
	return o.encode(template, key)
}

func (o MintOptions) leafKey() (crypto.Signer, error) {
	switch {
	case o.Key != nil:
		return o.Key, nil
	case o.EC:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

// encode issues the certificate and encodes the file.
func (o MintOptions) encode(template *x509.Certificate, key crypto.Signer) ([]byte, error) {
	issuer, issuerKey := template, key
	var chain []*x509.Certificate
	if o.CAFirst {
		caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make its issuer's key: %w", err)
		}
		ca := &x509.Certificate{
			Subject: mintName("jpsync test issuer", ""), IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign,
		}
		if issuer, err = o.issue(ca, ca, caKey.Public(), caKey); err != nil {
			return nil, err
		}
		issuerKey, chain = caKey, append(chain, issuer)
	}
	leaf, err := o.issue(template, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, err
	}
	chain = append(chain, leaf)
	file, err := o.Encoder.Encode(key, chain[0], chain[1:], o.Password)
	if err != nil {
		return nil, fmt.Errorf("encode the p12: %w", err) // it does not quote the password
	}
	return file, nil
}

func (o MintOptions) issue(template, issuer *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	template.NotBefore, template.NotAfter = o.NotBefore, o.NotAfter
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign it: %w", err)
	}
	return x509.ParseCertificate(der)
}

func mintName(commonName, uid string) pkix.Name {
	name := pkix.Name{CommonName: commonName, Organization: []string{testMark}}
	if uid != "" {
		name.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidUID, Value: uid}}
	}
	return name
}

// mintTopics encodes the topics that Apple lists in a universal certificate, each with its kinds of
// push.
func mintTopics(bundleID string) ([]byte, error) {
	type kinds struct {
		Kind string `asn1:"utf8"`
	}
	return asn1.Marshal(struct {
		App               string `asn1:"utf8"`
		AppKinds          kinds
		VoIP              string `asn1:"utf8"`
		VoIPKinds         kinds
		Complication      string `asn1:"utf8"`
		ComplicationKinds kinds
	}{bundleID, kinds{"app"}, bundleID + voipSuffix, kinds{"voip"}, bundleID + watchSuffix, kinds{"complication"}})
}
