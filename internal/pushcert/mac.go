package pushcert

import (
	"crypto/hmac"
	"crypto/sha1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// mac is the MacData of a file.
type mac struct {
	algorithm algorithm
	digest    cryptobyte.String
	salt      cryptobyte.String
	rounds    *big.Int
}

// verify checks the file's MAC, the one thing that tells a wrong password for sure.
func (c *mac) verify(m *meter, s secret, message []byte) error {
	newHash, key := sha1.New, []byte(nil)
	var err error
	if c.algorithm.oid.Equal(oidPBMAC1) { // RFC 9579
		var params cryptobyte.String
		in := c.algorithm.params
		if !in.ReadASN1(&params, cbasn1.SEQUENCE) {
			return badParameters
		}
		kdf, ok1 := readAlgorithm(&params)
		how, ok2 := readAlgorithm(&params)
		if !ok1 || !ok2 {
			return badParameters
		}
		if newHash, err = digestFor(how.oid); err != nil {
			return err
		}
		if key, err = pbkdf2Key(m, s, kdf, 0); err != nil {
			return err
		}
		if len(key) < 20 {
			return badParameters
		}
	} else {
		if newHash, err = digestFor(c.algorithm.oid); err != nil {
			return err
		}
		if key, err = pkcs12Key(m, newHash(), s.bmp, c.salt, c.rounds, forMAC, newHash().Size()); err != nil {
			return err
		}
	}
	sum := hmac.New(newHash, key)
	sum.Write(message)
	if !hmac.Equal(sum.Sum(nil), c.digest) {
		return wrongKey
	}
	return nil
}
