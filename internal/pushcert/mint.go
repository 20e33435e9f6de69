package pushcert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// TestMark is the organization in the subject of every certificate that [Mint] makes.
// [Inspect] recognizes them by it.
const TestMark = "jpsync test certificate - not issued by Apple"

// MintKind is what a minted certificate is for.
type MintKind string

// The kinds of certificates.
const (
	MintDevelopment MintKind = "development"
	MintProduction  MintKind = "production"
	MintUniversal   MintKind = "universal"
	MintVoIP        MintKind = "voip"
	MintWatch       MintKind = "watch"
	MintNotPush     MintKind = "not-push" // a TLS client's, without Apple's extensions
)

// MintEncryption is how a minted file is encrypted.
type MintEncryption string

// The encryptions, as programs write them.
const (
	EncryptModern    MintEncryption = "modern"     // PBES2 with AES-256, as openssl 3
	EncryptLegacy    MintEncryption = "legacy"     // RC2-40 and 3DES, as Keychain Access
	EncryptLegacyDES MintEncryption = "legacy-des" // 3DES
	EncryptPBMAC1    MintEncryption = "pbmac1"     // modern with the MAC of RFC 9579
	EncryptNone      MintEncryption = "none"       // neither encryption nor MAC; takes no password
)

// MintKeyType is the type of the generated key.
type MintKeyType string

// The two key types. Apple's certificates have RSA keys.
const (
	KeyRSA2048 MintKeyType = "rsa2048"
	KeyECP256  MintKeyType = "ecp256"
)

// MintChain says whether a minted file has its issuer's certificate too.
type MintChain string

// The chains.
const (
	ChainNone      MintChain = ""
	ChainLeafFirst MintChain = "leaf-first"
	ChainCAFirst   MintChain = "ca-first" // the issuer stands before the leaf
)

// MintOptions configures [Mint]. Only BundleID is required. The default is a universal
// certificate with an RSA key, valid for thirteen months from an hour ago, in modern
// encryption with an empty password.
type MintOptions struct {
	BundleID   string
	Kind       MintKind
	NotBefore  time.Time
	NotAfter   time.Time
	Password   string
	Encryption MintEncryption
	KeyType    MintKeyType
	Chain      MintChain
	// Key is used instead of a new one. A new RSA key takes a tenth of a second.
	Key crypto.Signer
	// Rand is the source of serial numbers, salts and EC keys; nil: crypto/rand. Together
	// with the times and an EC key it determines every byte of the file. RSA keys always
	// come from crypto/rand.
	Rand io.Reader
}

// mintKinds has the common names and extensions of Apple's certificates.
var mintKinds = map[MintKind]struct {
	title       string
	suffix      string // of the UID
	development bool
	production  bool
	topics      bool
}{
	MintDevelopment: {"Apple Development IOS Push Services", "", true, false, false},
	MintProduction:  {"Apple Production IOS Push Services", "", false, true, false},
	MintUniversal:   {"Apple Push Services", "", true, true, true},
	MintVoIP:        {"VoIP Services", voipSuffix, true, true, false},
	MintWatch:       {"WatchKit Services", watchSuffix, true, true, false},
	MintNotPush:     {"Client", "", false, false, false},
}

var encoders = map[MintEncryption]*pkcs12.Encoder{
	EncryptModern:    pkcs12.Modern2023,
	EncryptLegacy:    pkcs12.LegacyRC2,
	EncryptLegacyDES: pkcs12.LegacyDES,
	EncryptPBMAC1:    pkcs12.Modern2026,
	EncryptNone:      pkcs12.Passwordless,
}

// Mint makes a .p12 for rehearsals and tests. It has everything that Apple's have but their
// issuer, and its subject, issuer and common name say so. APNs and JPush refuse it, and
// [Certificate.TestOnly] is set.
func Mint(o MintOptions) ([]byte, error) {
	o = o.withDefaults()
	kind, ok := mintKinds[o.Kind]
	if !ok {
		return nil, fmt.Errorf("mint a test certificate: kind %q is not known", o.Kind)
	}
	encoder, ok := encoders[o.Encryption]
	if !ok {
		return nil, fmt.Errorf("mint a test certificate: encryption %q is not known", o.Encryption)
	}
	key, err := o.leafKey()
	if err != nil {
		return nil, fmt.Errorf("mint a test certificate: make its key: %w", err)
	}
	template := &x509.Certificate{
		Subject:     mintName("jpsync test: "+kind.title+": "+o.BundleID, o.BundleID+kind.suffix),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature,
	}
	mark := func(on bool, oid asn1.ObjectIdentifier, value []byte) {
		if on {
			template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oid, Value: value})
		}
	}
	null := []byte{5, 0}
	mark(kind.development, oidDevelopment, null)
	mark(kind.production, oidProduction, null)
	if kind.topics {
		value, err := mintTopics(o.BundleID)
		if err != nil {
			return nil, fmt.Errorf("mint a test certificate: encode its topics: %w", err)
		}
		mark(true, oidTopics, value)
	}
	return o.encode(encoder, template, key)
}

func (o MintOptions) withDefaults() MintOptions {
	if o.Kind == "" {
		o.Kind = MintUniversal
	}
	if o.Encryption == "" {
		o.Encryption = EncryptModern
	}
	if o.NotBefore.IsZero() {
		o.NotBefore = time.Now().Add(-time.Hour)
	}
	if o.NotAfter.IsZero() {
		o.NotAfter = o.NotBefore.AddDate(1, 1, 0)
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

func (o MintOptions) leafKey() (crypto.Signer, error) {
	switch {
	case o.Key != nil:
		return o.Key, nil
	case o.KeyType == "" || o.KeyType == KeyRSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case o.KeyType == KeyECP256:
		return mintECKey(o.Rand)
	default:
		return nil, fmt.Errorf("key type %q is not known", o.KeyType)
	}
}

// mintECKey makes a key that depends on random alone, unlike [ecdsa.GenerateKey].
func mintECKey(random io.Reader) (*ecdsa.PrivateKey, error) {
	for {
		raw := make([]byte, 32)
		if _, err := io.ReadFull(random, raw); err != nil {
			return nil, err
		}
		// It fails only for a number beyond the curve's order: once in 2^32.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return key, nil
		}
	}
}

// encode issues the certificate and encodes the file.
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
		// The encoder's errors don't quote the password.
		return nil, fmt.Errorf("mint a test certificate: encode the p12: %w", err)
	}
	return file, nil
}

func (o MintOptions) issue(template, issuer *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial := make([]byte, 8)
	if _, err := io.ReadFull(o.Rand, serial); err != nil {
		return nil, fmt.Errorf("mint a test certificate: make its serial number: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive, and always of the same length
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

// mintTopics encodes the topics that Apple lists in a universal certificate.
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
