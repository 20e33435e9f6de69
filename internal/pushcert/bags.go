package pushcert

import (
	"encoding/asn1"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

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
		return nil // an SDSI certificate: nobody has them
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

// encryption names what the certificates and the key are encrypted with, once when it is
// the same.
func (c *contents) encryption() string {
	names := slices.DeleteFunc([]string{c.certCipher, c.keyCipher}, func(s string) bool { return s == "" })
	names = slices.Compact(names)
	if len(names) == 2 {
		return names[0] + "/" + names[1]
	}
	return names[0]
}
