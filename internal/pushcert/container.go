package pushcert

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
)

// Limits of one file. Real ones have one key and up to four certificates.
const (
	maxCertificates = 64
	maxKeys         = 16
	maxBagDepth     = 4
	maxEntries      = 1000 // of one list: parts of the file, or bags of a part
)

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidX509          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidKeyBag        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidNestedBag     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 6}
)

// contents is what a file holds.
type contents struct {
	certs, keys [][]byte // DER; the keys as PKCS#8
	certCipher  string   // empty: no certificate
	keyCipher   string
}

var noStructure = fail(Damaged, "the file starts like a p12, but its structure is broken")

// decode parses the first value of der into v, and reports whether it fits.
func decode(der []byte, v any) bool {
	_, err := asn1.Unmarshal(der, v)
	return err == nil
}

// typed is a value and its type. A ContentInfo, a SafeBag and a CertBag begin like this.
type typed struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue `asn1:"explicit,optional,tag:0"` // the value is in Bytes
}

// list decodes a list in BER: that is how the contents of octet strings and of decrypted parts come.
func list(ber []byte) ([]typed, error) {
	der, err := toDER(ber)
	var whole asn1.RawValue
	if err != nil || !decode(der, &whole) || whole.Class != asn1.ClassUniversal || whole.Tag != asn1.TagSequence {
		return nil, noStructure
	}
	var entries []typed
	for rest := whole.Bytes; len(rest) > 0; {
		var entry typed
		if rest, err = asn1.Unmarshal(rest, &entry); err != nil {
			return nil, noStructure
		}
		if entries = append(entries, entry); len(entries) > maxEntries {
			return nil, fail(Unsupported, "the file has thousands of parts, and a p12 has a few")
		}
	}
	return entries, nil
}

// readPFX returns the encrypted contents of a file and its MAC, which is nil if there is none.
func readPFX(der []byte) (safe []byte, check *mac, err error) {
	var pfx struct {
		Version int
		Safe    typed
		MAC     asn1.RawValue `asn1:"optional"`
	}
	switch {
	case !decode(der, &pfx):
		return nil, nil, fail(NotP12, "this is not a p12, nor any other form of certificate or key")
	case pfx.Version != 3:
		return nil, nil, fail(Unsupported, "the file is of a PKCS#12 version other than 3")
	case !pfx.Safe.Type.Equal(oidData):
		return nil, nil, fail(Unsupported, "the file is protected by a signature, not by a password")
	case !decode(pfx.Safe.Value.Bytes, &safe):
		return nil, nil, noStructure
	}
	if pfx.MAC.FullBytes == nil {
		return safe, nil, nil
	}
	check = new(mac)
	if !decode(pfx.MAC.FullBytes, check) {
		return nil, nil, noStructure
	}
	return safe, check, nil
}

// reader collects the contents of the bags.
type reader struct {
	contents
	meter     *meter
	secret    secret
	decrypted bool // a part was decrypted
}

// authenticatedSafe reads the parts of a file.
func (r *reader) authenticatedSafe(ber []byte) error {
	parts, err := list(ber)
	if err != nil {
		return err
	}
	for _, part := range parts {
		var plain []byte
		cipher := "none"
		switch {
		case part.Type.Equal(oidData):
			if !decode(part.Value.Bytes, &plain) {
				return noStructure
			}
		case part.Type.Equal(oidEncryptedData):
			if plain, cipher, err = r.encryptedData(part.Value.Bytes); err != nil {
				return err
			}
		default:
			return fail(Unsupported, "a part of the file is protected by somebody's key, not by a password")
		}
		bags, err := list(plain)
		if err == nil {
			err = r.bags(bags, cipher, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// encryptedData decrypts a part of the file (RFC 5652, section 8).
func (r *reader) encryptedData(der []byte) (plain []byte, cipher string, err error) {
	var data struct {
		Version int
		Content struct {
			Type      asn1.ObjectIdentifier
			Algorithm pkix.AlgorithmIdentifier
			Text      asn1.RawValue // an octet string, whose tag is implicit
		}
	}
	if !decode(der, &data) {
		return nil, "", noStructure
	}
	text := data.Content.Text.Bytes
	if data.Content.Text.IsCompound { // in BER it may come in pieces
		var piece, whole []byte
		for rest := text; len(rest) > 0; whole = append(whole, piece...) {
			if rest, err = asn1.Unmarshal(rest, &piece); err != nil {
				return nil, "", noStructure
			}
		}
		text = whole
	}
	return r.decrypt(data.Content.Algorithm, text)
}

func (r *reader) decrypt(how pkix.AlgorithmIdentifier, data []byte) (plain []byte, cipher string, err error) {
	plain, cipher, err = decrypt(r.meter, r.secret, how, data)
	r.decrypted = r.decrypted || err == nil
	return plain, cipher, err
}

// bags reads certificates and keys and passes over other kinds. cipher is that of the part of
// the file that has the bags.
func (r *reader) bags(bags []typed, cipher string, depth int) error {
	for _, bag := range bags {
		var err error
		switch value := bag.Value.Bytes; {
		case bag.Type.Equal(oidCertBag):
			err = r.certificate(value, cipher)
		case bag.Type.Equal(oidKeyBag):
			err = r.key(value, cipher)
		case bag.Type.Equal(oidShroudedBag):
			err = r.shroudedKey(value)
		case bag.Type.Equal(oidNestedBag):
			var nested []typed
			if depth == maxBagDepth {
				return noStructure
			}
			if nested, err = list(value); err == nil {
				err = r.bags(nested, cipher, depth+1)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) certificate(value []byte, cipher string) error {
	var cert typed
	var der []byte
	if !decode(value, &cert) {
		return noStructure
	}
	if !cert.Type.Equal(oidX509) {
		return nil // an SDSI certificate, which is not in use
	}
	if !decode(cert.Value.Bytes, &der) {
		return noStructure
	}
	if len(r.certs) == maxCertificates {
		return fail(SeveralIdentities, "the file holds more than 64 certificates")
	}
	r.certCipher = cipher
	if !slices.ContainsFunc(r.certs, func(c []byte) bool { return bytes.Equal(c, der) }) {
		r.certs = append(r.certs, der)
	}
	return nil
}

func (r *reader) shroudedKey(value []byte) error {
	var shrouded struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if !decode(value, &shrouded) {
		return noStructure
	}
	der, cipher, err := r.decrypt(shrouded.Algorithm, shrouded.Data)
	if err != nil {
		return err
	}
	return r.key(der, cipher)
}

func (r *reader) key(der []byte, cipher string) error {
	if len(r.keys) == maxKeys {
		return fail(SeveralIdentities, "the file holds more than 16 private keys")
	}
	r.keyCipher = cipher
	r.keys = append(r.keys, der)
	return nil
}
