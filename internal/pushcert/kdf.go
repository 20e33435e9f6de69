package pushcert

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"hash"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxRounds limits the sum of all key derivations of one file: every round of every block,
// for every encoding of the password. openssl and Keychain Access use 2048 rounds, Java
// 10,000, careful people 600,000. The limit takes at most 1.5 s (BenchmarkInspectDearest).
const maxRounds = 5_000_000

// meter counts rounds before they are computed. So no file can cost more than maxRounds,
// however its encryption is nested.
type meter struct {
	left int64
}

// spend subtracts n rounds for each hash block of a key of size bytes. A hash of 64-bit
// words is slower and counts twice.
func (m *meter) spend(n *big.Int, h hash.Hash, size int) (int, error) {
	blocks := (size + h.Size() - 1) / h.Size() * h.BlockSize() / 64
	if n.Sign() <= 0 {
		return 0, fail(Damaged, "a key derivation in the file has no rounds")
	}
	if !n.IsInt64() || n.Int64() > m.left/int64(blocks) {
		return 0, fail(TooCostly, "the file's key derivations ask for more than five million rounds, ",
			"far beyond what protects a certificate")
	}
	m.left -= n.Int64() * int64(blocks)
	return int(n.Int64()), nil
}

// digest is a hash function with its identifiers.
type digest struct {
	new  func() hash.Hash
	oid  asn1.ObjectIdentifier // of the hash itself
	hmac asn1.ObjectIdentifier // of the HMAC with it
}

var digests = []digest{
	{sha1.New, asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}},
	{sha256.New, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}},
	{sha512.New, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}},
	{sha512.New384, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}},
	{sha256.New224, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 8}},
	{md5.New, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 6}},
}

// digestFor returns a hash function by its identifier or by that of its HMAC.
func digestFor(oid asn1.ObjectIdentifier) (func() hash.Hash, error) {
	for _, d := range digests {
		if d.oid.Equal(oid) || d.hmac.Equal(oid) {
			return d.new, nil
		}
	}
	return nil, fail(Unsupported, "the file uses a hash function that is not known here")
}

// The purposes of a key derived by pkcs12Key (RFC 7292, appendix B.3).
const (
	forKey = 1
	forIV  = 2
	forMAC = 3
)

// pkcs12Key derives size bytes by the method of PKCS#12 (RFC 7292, appendix B.2).
func pkcs12Key(m *meter, h hash.Hash, password, salt []byte, rounds *big.Int, use byte, size int) ([]byte, error) {
	n, err := m.spend(rounds, h, size)
	if err != nil {
		return nil, err
	}
	v := h.BlockSize()
	diversifier := make([]byte, v)
	for i := range diversifier {
		diversifier[i] = use
	}
	input := append(fill(salt, v), fill(password, v)...)
	var out, sum []byte
	for {
		h.Reset()
		h.Write(diversifier)
		h.Write(input)
		sum = h.Sum(sum[:0])
		for range n - 1 {
			h.Reset()
			h.Write(sum)
			sum = h.Sum(sum[:0])
		}
		if out = append(out, sum...); len(out) >= size {
			return out[:size], nil
		}
		// Each block of the input grows by the hash, repeated to a block, plus one.
		step := fill(sum, v)[:v]
		for i := 0; i < len(input); i += v {
			carry := 1
			for j := v - 1; j >= 0; j-- {
				carry += int(input[i+j]) + int(step[j])
				input[i+j] = byte(carry)
				carry >>= 8
			}
		}
	}
}

// fill repeats b up to the next multiple of v bytes. It returns nil for an empty b.
func fill(b []byte, v int) []byte {
	if len(b) == 0 {
		return nil
	}
	out := make([]byte, (len(b)+v-1)/v*v)
	for n := 0; n < len(out); {
		n += copy(out[n:], b)
	}
	return out
}

// mac is the MacData of a file.
type mac struct {
	algorithm algorithm
	digest    cryptobyte.String
	salt      cryptobyte.String
	rounds    *big.Int
}

// verify checks the MAC. It returns wrongKey if the password is wrong or the file damaged.
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
