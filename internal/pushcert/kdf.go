package pushcert

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"hash"
	"math/big"
	"unicode/utf16"
	"unicode/utf8"
)

// maxRounds bounds the key derivations of one file, all together: every round of every
// block, for every way of encoding the password that is tried. openssl and Keychain Access
// write 2048 rounds, Java 10,000, careful people 600,000. All of it takes a second and a
// half at most, by BenchmarkInspectDearest.
const maxRounds = 5_000_000

// meter counts rounds down before they are computed, so that no file can cost more than
// maxRounds, however its encryption is nested.
type meter struct {
	left int64
}

// spend takes n rounds for each block of size bytes off the meter. A hash of 64-bit words
// is slower and counts twice.
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

// secret is a password in the two forms that PKCS#12 uses.
type secret struct {
	bmp  []byte // big-endian UTF-16 with a final zero, for PKCS#12's own derivation
	utf8 string // for PBKDF2 (RFC 8018, section 3)
}

// secrets lists the encodings that a password may have been used in, the standard's own
// first. For no password at all some programs encode an empty string, others nothing
// (RFC 7292, appendix B.1, settles on the former). Old openssl took a password's bytes for
// characters, one by one.
func secrets(password string) []secret {
	if password == "" {
		return []secret{{bmp: []byte{0, 0}}, {}}
	}
	var bytewise []uint16
	for _, b := range []byte(password) {
		bytewise = append(bytewise, uint16(b))
	}
	old := secret{bmp: bmp(bytewise), utf8: password}
	if !utf8.ValidString(password) || len(bytewise) == utf8.RuneCountInString(password) {
		return []secret{old}
	}
	return []secret{{bmp: bmp(utf16.Encode([]rune(password))), utf8: password}, old}
}

func bmp(units []uint16) []byte {
	out := make([]byte, 0, 2*len(units)+2)
	for _, u := range units {
		out = append(out, byte(u>>8), byte(u))
	}
	return append(out, 0, 0)
}

// digest is a hash function as PKCS#12 files name it.
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

// digestFor finds a hash by its own identifier or by its HMAC's.
func digestFor(oid asn1.ObjectIdentifier) (func() hash.Hash, error) {
	for _, d := range digests {
		if d.oid.Equal(oid) || d.hmac.Equal(oid) {
			return d.new, nil
		}
	}
	return nil, fail(Unsupported, "the file uses a hash function that is not known here")
}

// What a key of PKCS#12's own derivation is for (RFC 7292, appendix B.3).
const (
	forKey = 1
	forIV  = 2
	forMAC = 3
)

// pkcs12Key derives size bytes as PKCS#12 does it (RFC 7292, appendix B.2).
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

// fill repeats b up to the next multiple of v bytes; of nothing it makes nothing.
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
