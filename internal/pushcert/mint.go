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
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// TestMark is the organization of every certificate that [Mint] makes, and how [Inspect]
// knows them.
const TestMark = "jpsync test certificate - not issued by Apple"

// MintKind says what a minted certificate is for.
type MintKind string

// The kinds of certificates that people hold.
const (
	MintDevelopment MintKind = "development"
	MintProduction  MintKind = "production"
	MintUniversal   MintKind = "universal"
	MintVoIP        MintKind = "voip"
	MintWatch       MintKind = "watch"
	MintNotPush     MintKind = "not-push" // a TLS client's, without Apple's extensions
)

// MintEncryption says how a minted file is encrypted.
type MintEncryption string

// The encryptions that programs write.
const (
	EncryptModern    MintEncryption = "modern"     // PBES2 with AES-256, as openssl 3
	EncryptLegacy    MintEncryption = "legacy"     // RC2-40 and 3DES, as Keychain Access
	EncryptLegacyDES MintEncryption = "legacy-des" // 3DES
	EncryptPBMAC1    MintEncryption = "pbmac1"     // modern with the MAC of RFC 9579
	EncryptNone      MintEncryption = "none"       // neither encryption nor MAC; takes no password
)

// MintKeyType is the kind of key that is generated.
type MintKeyType string

// The two kinds that push certificates come with. Apple's are RSA.
const (
	KeyRSA2048 MintKeyType = "rsa2048"
	KeyECP256  MintKeyType = "ecp256"
)

// MintChain says which certificates besides its own a minted file holds.
type MintChain string

// The chains that exports have.
const (
	ChainNone      MintChain = ""
	ChainLeafFirst MintChain = "leaf-first"
	ChainCAFirst   MintChain = "ca-first" // the issuer stands before the leaf
)

// MintOptions says what to make. The zero value of everything but BundleID is good: a
// universal certificate with an RSA key and thirteen months from an hour ago, in modern
// encryption under an empty password.
type MintOptions struct {
	BundleID   string
	Kind       MintKind
	NotBefore  time.Time
	NotAfter   time.Time
	Password   string
	Encryption MintEncryption
	KeyType    MintKeyType
	Chain      MintChain
	// Key is used instead of a new one. Making an RSA key takes a tenth of a second.
	Key crypto.Signer
	// Rand is where serial numbers, salts and EC keys come from; nil is crypto/rand.
	// With times and an EC key given it decides every byte of the file. RSA keys come
	// from the system whatever it is.
	Rand io.Reader
}

// extensions and common names as Apple gives them.
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

// Mint makes a .p12 that looks like Apple's to everything but a check of its issuer, for
// rehearsals and tests. Subject, issuer and common name all say that it is none:
// APNs and JPush refuse it, and [Certificate.TestOnly] tells it apart.
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

// mintECKey takes the key from the source of randomness alone, which
// [ecdsa.GenerateKey] does not.
func mintECKey(random io.Reader) (*ecdsa.PrivateKey, error) {
	for {
		raw := make([]byte, 32)
		if _, err := io.ReadFull(random, raw); err != nil {
			return nil, err
		}
		// The one way to fail is a number beyond the curve's order: once in 2^32.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return key, nil
		}
	}
}
