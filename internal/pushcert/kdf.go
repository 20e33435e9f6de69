package pushcert

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"
	"math/big"
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
		return 0, fail(TooCostly, "the file's key derivations ask for more than five million rounds, "+
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
	Digest struct {
		Algorithm pkix.AlgorithmIdentifier
		Sum       []byte
	}
	Salt   []byte
	Rounds *big.Int `asn1:"optional"` // nil: 1
}

// verify checks the MAC. It returns wrongKey if the password is wrong or the file damaged.
func (c *mac) verify(m *meter, s secret, message []byte) error {
	newHash, key, err := c.key(m, s)
	if err != nil {
		return err
	}
	sum := hmac.New(newHash, key)
	sum.Write(message)
	if !hmac.Equal(sum.Sum(nil), c.Digest.Sum) {
		return wrongKey
	}
	return nil
}

// key returns the hash function and derives the key of the MAC.
func (c *mac) key(m *meter, s secret) (newHash func() hash.Hash, key []byte, err error) {
	algorithm := c.Digest.Algorithm
	if !algorithm.Algorithm.Equal(oidPBMAC1) {
		if newHash, err = digestFor(algorithm.Algorithm); err != nil {
			return nil, nil, err
		}
		rounds := c.Rounds
		if rounds == nil {
			rounds = big.NewInt(1)
		}
		key, err = pkcs12Key(m, newHash(), s.bmp, c.Salt, rounds, forMAC, newHash().Size())
		return newHash, key, err
	}
	var params pbes2Params // RFC 9579
	if !decode(algorithm.Parameters.FullBytes, &params) {
		return nil, nil, badParameters
	}
	if newHash, err = digestFor(params.Use.Algorithm); err != nil {
		return nil, nil, err
	}
	key, err = pbkdf2Key(m, s, params.KDF, 0)
	if err == nil && len(key) < 20 {
		err = badParameters
	}
	return newHash, key, err
}
