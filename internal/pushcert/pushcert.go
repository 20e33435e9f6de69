// Package pushcert reads APNs push certificates from PKCS#12 files, as Keychain Access,
// openssl and others write them. It works offline. It tells what a certificate is for, and
// if a file is something else, what it is and what to do.
//
//	cert, err := pushcert.Inspect(data, password)
//	if err != nil {
//		return err // a *pushcert.Error with a kind, a message and a remedy
//	}
//	findings := pushcert.Check(cert, pushcert.Expect{Environment: "production", Now: now})
//
// The files are untrusted, so everything is limited: the size, the depth of the structure,
// and the work of the key derivations. The package opens no file and no connection. [Mint]
// makes certificates for rehearsals.
//
// A file goes through sniff.go, which names what is no .p12, ber.go, which makes DER of it,
// open.go, which tries the password, container.go, which takes the parts out, and identity.go,
// which finds the certificate that belongs to the key. pbe.go and kdf.go have the ciphers and the
// key derivations. check.go compares a certificate with what it is meant for.
package pushcert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxSize is the largest file that [Inspect] reads, in bytes. A push certificate with its
// key takes about 3 KiB, with a chain of issuers about 8.
const MaxSize = 1 << 20

// Certificate describes the push certificate in a .p12. It holds no part of the private key
// and of the password.
type Certificate struct {
	// BundleID is the subject's UID attribute. That of a VoIP certificate ends in ".voip";
	// [Certificate.App] is without it.
	BundleID   string `json:"bundle_id"`
	CommonName string `json:"common_name"`
	// Development and Production tell which APNs environments accept the certificate. A
	// universal one has both.
	Development bool     `json:"-"`
	Production  bool     `json:"-"`
	Topics      []string `json:"topics"` // what it may push to; empty if it has none
	VoIP        bool     `json:"voip"`   // made for VoIP pushes alone
	Watch       bool     `json:"-"`      // made for watch complications alone
	// PushCertificate: it has one of Apple's push extensions and the extended key usage for
	// TLS clients.
	PushCertificate bool      `json:"-"`
	Issuer          string    `json:"issuer"` // the issuer's common name, or its whole name without one
	Serial          string    `json:"serial"` // lower-case hex
	NotBefore       time.Time `json:"not_before"`
	NotAfter        time.Time `json:"not_after"`
	KeyType         string    `json:"key_type"`    // "RSA 2048", "EC P-256"
	Fingerprint     string    `json:"fingerprint"` // lower-case hex SHA-256 of the certificate's DER
	HasKey          bool      `json:"has_key"`     // the file holds a private key
	KeyMatches      bool      `json:"key_matches"` // and it belongs to this certificate
	Encryption      string    `json:"encryption"`  // of certificates and key: "PBES2 AES-256-CBC", "RC2-40/3DES", "none"
	TestOnly        bool      `json:"-"`           // made by [Mint]
	ChainLength     int       `json:"-"`           // certificates in the file, the leaf included
}

// Universal reports whether the certificate fits either environment.
func (c *Certificate) Universal() bool { return c.Development && c.Production }

// Environments returns the environments that accept the certificate: "development",
// "production", both in this order, or none.
func (c *Certificate) Environments() []string {
	var envs []string
	if c.Development {
		envs = append(envs, "development")
	}
	if c.Production {
		envs = append(envs, "production")
	}
	return envs
}

// App returns the bundle ID of the app: BundleID without the suffixes of VoIP and watch
// complications.
func (c *Certificate) App() string {
	id := strings.TrimSuffix(c.BundleID, voipSuffix)
	return strings.TrimSuffix(id, watchSuffix)
}

// The suffixes of bundle IDs in the topics of special pushes.
const (
	voipSuffix  = ".voip"
	watchSuffix = ".complication"
)

// Apple's object identifiers for push certificates.
var (
	oidUID         = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
	oidDevelopment = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 1}
	oidProduction  = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 2}
	oidVoIP        = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 4}
	oidTopics      = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6}
)

// Inspect reads a PKCS#12 file with its password, which is empty if the file has none. It
// describes the certificate that belongs to the private key, wherever in the file it is.
//
// Every error is an *[Error]. With the kinds [NoKey] and [KeyMismatch] Inspect returns a
// certificate too, so that the caller can name it.
//
// Inspect allocates less than 64 MiB and returns within seconds, whatever the file holds: it
// refuses files over [MaxSize] and files whose key derivations exceed five million rounds in
// total, before the work is done.
func Inspect(data []byte, password string) (cert *Certificate, err error) {
	defer func() {
		// The standard library's parsers see untrusted data. If one of them panics, this
		// file fails and the run goes on. The panic's text may quote the file.
		if recover() != nil {
			cert, err = nil, fail(Damaged, "the file holds something that cannot be read as a certificate or key")
		}
	}()
	if err := sniff(data); err != nil {
		return nil, err
	}
	c, err := open(data, password)
	if err != nil {
		return nil, err
	}
	return c.identity()
}

// describe returns the facts in the leaf itself.
func describe(leaf *x509.Certificate) *Certificate {
	c := &Certificate{
		CommonName:  leaf.Subject.CommonName,
		Issuer:      leaf.Issuer.CommonName,
		Serial:      leaf.SerialNumber.Text(16),
		NotBefore:   leaf.NotBefore,
		NotAfter:    leaf.NotAfter,
		KeyType:     keyType(leaf.PublicKey),
		Fingerprint: fingerprint(leaf.Raw),
		TestOnly:    slices.Contains(leaf.Subject.Organization, testMark),
	}
	if c.Issuer == "" {
		c.Issuer = leaf.Issuer.String()
	}
	for _, name := range leaf.Subject.Names {
		if id, ok := name.Value.(string); ok && name.Type.Equal(oidUID) {
			c.BundleID = id
		}
	}
	marked := false
	for _, ext := range leaf.Extensions {
		switch {
		case ext.Id.Equal(oidDevelopment):
			c.Development, marked = true, true
		case ext.Id.Equal(oidProduction):
			c.Production, marked = true, true
		case ext.Id.Equal(oidVoIP):
			c.VoIP, marked = true, true
		case ext.Id.Equal(oidTopics):
			c.Topics, marked = topics(ext.Value), true
		}
	}
	c.PushCertificate = marked && slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	// A universal certificate lists the topics of VoIP and complications too, so one such
	// topic does not make it a special one.
	c.VoIP = c.VoIP || c.only(voipSuffix)
	c.Watch = c.only(watchSuffix) || strings.HasPrefix(c.CommonName, "WatchKit Services: ")
	return c
}

// only reports whether the certificate serves topics with this suffix and no others.
func (c *Certificate) only(suffix string) bool {
	if strings.HasSuffix(c.BundleID, suffix) {
		return true
	}
	other := func(topic string) bool { return !strings.HasSuffix(topic, suffix) }
	return len(c.Topics) > 0 && !slices.ContainsFunc(c.Topics, other)
}

// topics parses Apple's topic extension: a sequence in which each topic is followed by a
// sequence of its kinds of push. It skips unknown elements, since Apple may add some.
func topics(ext []byte) []string {
	var fields []asn1.RawValue
	if rest, err := asn1.Unmarshal(ext, &fields); err != nil || len(rest) > 0 {
		return nil
	}
	var names []string
	for _, f := range fields {
		if f.Class == asn1.ClassUniversal && !f.IsCompound &&
			(f.Tag == asn1.TagUTF8String || f.Tag == asn1.TagPrintableString || f.Tag == asn1.TagIA5String) {
			names = append(names, strings.ToValidUTF8(string(f.Bytes), "\uFFFD"))
		}
	}
	return names
}

func keyType(key crypto.PublicKey) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	default:
		return "unknown"
	}
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
