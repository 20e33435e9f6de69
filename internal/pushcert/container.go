package pushcert

import (
	"encoding/asn1"
	"errors"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// How many of a kind one file may hold; real ones have one key and up to four certificates.
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

// contents is what a file's bags hold.
type contents struct {
	certs, keys [][]byte // DER; the keys as PKCS#8
	certCipher  string   // empty: no certificate seen
	keyCipher   string
}

var noStructure = fail(Damaged, "the file starts like a p12, but its structure is broken")

// open takes the file apart under the password (RFC 7292, section 4).
func open(data []byte, password string) (*contents, error) {
	der, _, err := toDER(data)
	if err != nil {
		return nil, err
	}
	safe, check, err := readPFX(der)
	if err != nil {
		return nil, err
	}
	m := &meter{left: maxRounds}
	c, err := openWith(m, secrets(password), safe, check)
	if errors.Is(err, wrongKey) && check != nil {
		return nil, withHint(m, password, safe, check)
	}
	return c, err
}

// openWith tries the encodings of a password in turn.
func openWith(m *meter, tries []secret, safe []byte, check *mac) (c *contents, err error) {
	for _, s := range tries {
		err = nil
		if check != nil {
			err = check.verify(m, s, safe)
		}
		if err == nil {
			r := reader{meter: m, secret: s}
			if err = r.authenticatedSafe(safe); err == nil {
				return &r.contents, nil
			}
			if check == nil && r.decrypted && errors.Is(err, noStructure) {
				err = wrongKey // nothing but sense tells whether the decryption was right
			}
			if check != nil && errors.Is(err, wrongKey) {
				err = fail(Unsupported, "the file's contents are encrypted under another password than its MAC, or damaged")
			}
		}
		if !errors.Is(err, wrongKey) {
			return nil, err
		}
	}
	return nil, err
}

// readPFX gives the file's contents, still encrypted, and its MAC, nil when it has none.
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

// reader collects what the bags hold.
type reader struct {
	contents
	meter     *meter
	secret    secret
	decrypted bool // something was encrypted and gave plain text
}

// sequence reads BER that stood in an octet string or was decrypted.
func sequence(ber []byte) (cryptobyte.String, error) {
	der, _, err := toDER(ber)
	if err != nil {
		return nil, noStructure // the layer around it is complete
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
	// The ciphertext's tag hides that it is an octet string, which BER may cut to pieces.
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
