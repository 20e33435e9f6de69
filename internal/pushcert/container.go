package pushcert

import (
	"encoding/asn1"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Limits of one file. Real ones have one key and up to four certificates.
const (
	maxCertificates = 64
	maxKeys         = 16
	maxBagDepth     = 4
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

var (
	explicit0 = cbasn1.Tag(0).ContextSpecific().Constructed()
	implicit0 = cbasn1.Tag(0).ContextSpecific()
)

// contents is what a file holds.
type contents struct {
	certs, keys [][]byte // DER; the keys as PKCS#8
	certCipher  string   // empty: no certificate
	keyCipher   string
}

var noStructure = fail(Damaged, "the file starts like a p12, but its structure is broken")

// readPFX returns the encrypted contents of a file and its MAC, which is nil if there is none.
func readPFX(der []byte) (safe []byte, check *mac, err error) {
	var pfx, info, content, octets cryptobyte.String
	var version int
	var kind asn1.ObjectIdentifier
	in := cryptobyte.String(der)
	if !in.ReadASN1(&pfx, cbasn1.SEQUENCE) || !pfx.ReadASN1Integer(&version) ||
		!pfx.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&kind) {
		return nil, nil, fail(NotP12, "this is not a p12, nor any other form of certificate or key")
	}
	if version != 3 {
		return nil, nil, fail(Unsupported, "the file is of a PKCS#12 version other than 3")
	}
	if !kind.Equal(oidData) {
		return nil, nil, fail(Unsupported, "the file is protected by a signature, not by a password")
	}
	if !info.ReadASN1(&content, explicit0) || !content.ReadASN1(&octets, cbasn1.OCTET_STRING) {
		return nil, nil, noStructure
	}
	if pfx.Empty() {
		return octets, nil, nil
	}
	var data, digestInfo cryptobyte.String
	check = &mac{rounds: big.NewInt(1)}
	var ok bool
	if !pfx.ReadASN1(&data, cbasn1.SEQUENCE) || !data.ReadASN1(&digestInfo, cbasn1.SEQUENCE) {
		return nil, nil, noStructure
	}
	if check.algorithm, ok = readAlgorithm(&digestInfo); !ok {
		return nil, nil, noStructure
	}
	if !digestInfo.ReadASN1(&check.digest, cbasn1.OCTET_STRING) || !data.ReadASN1(&check.salt, cbasn1.OCTET_STRING) ||
		!data.Empty() && !data.ReadASN1Integer(check.rounds) {
		return nil, nil, noStructure
	}
	return octets, check, nil
}

// reader collects the contents of the bags.
type reader struct {
	contents
	meter     *meter
	secret    secret
	decrypted bool // a part was decrypted
}

// sequence parses the BER sequence in an octet string or a decrypted part.
func sequence(ber []byte) (cryptobyte.String, error) {
	der, _, err := toDER(ber)
	if err != nil {
		return nil, noStructure // the file itself is not truncated
	}
	var seq cryptobyte.String
	in := cryptobyte.String(der)
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return nil, noStructure
	}
	return seq, nil
}

func (r *reader) authenticatedSafe(ber []byte) error {
	seq, err := sequence(ber)
	if err != nil {
		return err
	}
	for !seq.Empty() {
		var info, content cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !seq.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&kind) || !info.ReadASN1(&content, explicit0) {
			return noStructure
		}
		plain, name := cryptobyte.String(nil), "none"
		switch {
		case kind.Equal(oidData):
			if !content.ReadASN1(&plain, cbasn1.OCTET_STRING) {
				return noStructure
			}
		case kind.Equal(oidEncryptedData):
			if plain, name, err = r.encryptedData(content); err != nil {
				return err
			}
		default:
			return fail(Unsupported, "a part of the file is protected by somebody's key, not by a password")
		}
		bags, err := sequence(plain)
		if err != nil {
			return err
		}
		if err := r.bags(bags, name, 0); err != nil {
			return err
		}
	}
	return nil
}

// encryptedData decrypts a part of the file (RFC 5652, section 8).
func (r *reader) encryptedData(in cryptobyte.String) (plain []byte, name string, err error) {
	var seq, info cryptobyte.String
	var version int
	var kind asn1.ObjectIdentifier
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1Integer(&version) ||
		!seq.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&kind) {
		return nil, "", noStructure
	}
	how, ok := readAlgorithm(&info)
	if !ok {
		return nil, "", noStructure
	}
	// The ciphertext is an octet string with an implicit tag. In BER it may come in pieces.
	var data cryptobyte.String
	if info.PeekASN1Tag(explicit0) {
		var pieces cryptobyte.String
		if !info.ReadASN1(&pieces, explicit0) {
			return nil, "", noStructure
		}
		for !pieces.Empty() {
			var piece cryptobyte.String
			if !pieces.ReadASN1(&piece, cbasn1.OCTET_STRING) {
				return nil, "", noStructure
			}
			data = append(data, piece...)
		}
	} else if !info.ReadASN1(&data, implicit0) {
		return nil, "", noStructure
	}
	return r.decrypt(how, data)
}

func (r *reader) decrypt(how algorithm, data []byte) (plain []byte, name string, err error) {
	plain, name, err = decrypt(r.meter, r.secret, how, data)
	r.decrypted = r.decrypted || err == nil
	return plain, name, err
}

func (r *reader) bags(in cryptobyte.String, cipher string, depth int) error {
	for !in.Empty() {
		var bag, value cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !in.ReadASN1(&bag, cbasn1.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&kind) || !bag.ReadASN1(&value, explicit0) {
			return noStructure
		}
		var err error
		switch {
		case kind.Equal(oidCertBag):
			err = r.certificate(value, cipher)
		case kind.Equal(oidKeyBag):
			err = r.key(value, cipher)
		case kind.Equal(oidShroudedBag):
			err = r.shroudedKey(value)
		case kind.Equal(oidNestedBag):
			var nested cryptobyte.String
			if depth == maxBagDepth || !value.ReadASN1(&nested, cbasn1.SEQUENCE) {
				return noStructure
			}
			err = r.bags(nested, cipher, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) certificate(value cryptobyte.String, cipher string) error {
	var seq, content, der cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !value.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&kind) ||
		!seq.ReadASN1(&content, explicit0) {
		return noStructure
	}
	if !kind.Equal(oidX509) {
		return nil // an SDSI certificate, which is not in use
	}
	if !content.ReadASN1(&der, cbasn1.OCTET_STRING) {
		return noStructure
	}
	if len(r.certs) == maxCertificates {
		return fail(SeveralIdentities, "the file holds more than 64 certificates")
	}
	r.certCipher = cipher
	if !slices.ContainsFunc(r.certs, func(c []byte) bool { return string(c) == string(der) }) {
		r.certs = append(r.certs, der)
	}
	return nil
}

func (r *reader) key(der []byte, cipher string) error {
	if len(r.keys) == maxKeys {
		return fail(SeveralIdentities, "the file holds more than 16 private keys")
	}
	r.keyCipher = cipher
	r.keys = append(r.keys, der)
	return nil
}

func (r *reader) shroudedKey(value cryptobyte.String) error {
	var seq, data cryptobyte.String
	if !value.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return noStructure
	}
	how, ok := readAlgorithm(&seq)
	if !ok || !seq.ReadASN1(&data, cbasn1.OCTET_STRING) {
		return noStructure
	}
	if len(r.keys) == maxKeys {
		return fail(SeveralIdentities, "the file holds more than 16 private keys")
	}
	plain, name, err := r.decrypt(how, data)
	if err != nil {
		return err
	}
	return r.key(plain, name)
}
