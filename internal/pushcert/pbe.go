package pushcert

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBMAC1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// scheme is a cipher and its key size. If block is nil, it is the stream cipher RC4.
type scheme struct {
	name    string
	oid     asn1.ObjectIdentifier
	keySize int
	block   func(key []byte) (cipher.Block, error)
}

// pbes1 has the ciphers of RFC 7292, appendix C. Their keys are derived by pkcs12Key with
// SHA-1.
var pbes1 = []scheme{
	{"RC4-128", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 1}, 16, nil},
	{"RC4-40", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 2}, 5, nil},
	{"3DES", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}, 24, des.NewTripleDESCipher},
	{"3DES-2", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 4}, 16, twoKeyDES},
	{"RC2-128", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 5}, 16, rc2Block},
	{"RC2-40", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 6}, 5, rc2Block},
}

// pbes2 has the ciphers that openssl, Java and Windows use with PBES2 (RFC 8018).
var pbes2 = []scheme{
	{"PBES2 AES-128-CBC", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}, 16, aes.NewCipher},
	{"PBES2 AES-192-CBC", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}, 24, aes.NewCipher},
	{"PBES2 AES-256-CBC", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, 32, aes.NewCipher},
	{"PBES2 3DES", asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}, 24, des.NewTripleDESCipher},
}

func rc2Block(key []byte) (cipher.Block, error) { return newRC2(key), nil }

func twoKeyDES(key []byte) (cipher.Block, error) {
	return des.NewTripleDESCipher(append(key[:16:16], key[:8]...))
}

func find(table []scheme, oid asn1.ObjectIdentifier) (scheme, error) {
	for _, s := range table {
		if s.oid.Equal(oid) {
			return s, nil
		}
	}
	return scheme{}, fail(Unsupported, "the file is encrypted in a way that is not known here")
}

// wrongKey is returned when a MAC or the result of a decryption is wrong.
var wrongKey = fail(WrongPassword, "the password is wrong, or the file is damaged")

var badParameters = fail(Damaged, "the parameters of the file's encryption make no sense")

// pbeParams are the parameters of a key derivation by [pkcs12Key].
type pbeParams struct {
	Salt   []byte
	Rounds *big.Int
}

// pbes2Params are the parameters of PBES2, and of PBMAC1: a key derivation, and what the key
// is for.
type pbes2Params struct {
	KDF, Use pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt   []byte
	Rounds *big.Int
	Size   int                      `asn1:"optional"`
	PRF    pkix.AlgorithmIdentifier `asn1:"optional"`
}

// decrypt decrypts data and returns the name of the cipher.
func decrypt(m *meter, s secret, how pkix.AlgorithmIdentifier, data []byte) (plain []byte, name string, err error) {
	if how.Algorithm.Equal(oidPBES2) {
		return decryptPBES2(m, s, how, data)
	}
	c, err := find(pbes1, how.Algorithm)
	if err != nil {
		return nil, "", err
	}
	var params pbeParams
	if !decode(how.Parameters.FullBytes, &params) {
		return nil, "", badParameters
	}
	key, err := pkcs12Key(m, sha1.New(), s.bmp, params.Salt, params.Rounds, forKey, c.keySize)
	if err != nil {
		return nil, "", err
	}
	if c.block == nil {
		stream, err := rc4.NewCipher(key)
		if err != nil {
			return nil, "", badParameters
		}
		plain = make([]byte, len(data))
		stream.XORKeyStream(plain, data)
		return plain, c.name, nil
	}
	block, err := c.block(key)
	if err != nil {
		return nil, "", badParameters
	}
	iv, err := pkcs12Key(m, sha1.New(), s.bmp, params.Salt, params.Rounds, forIV, block.BlockSize())
	if err != nil {
		return nil, "", err
	}
	plain, err = decryptCBC(block, iv, data)
	return plain, c.name, err
}

func decryptPBES2(m *meter, s secret, how pkix.AlgorithmIdentifier, data []byte) (plain []byte, name string, err error) {
	var params pbes2Params
	if !decode(how.Parameters.FullBytes, &params) {
		return nil, "", badParameters
	}
	c, err := find(pbes2, params.Use.Algorithm)
	if err != nil {
		return nil, "", err
	}
	var iv []byte
	if !decode(params.Use.Parameters.FullBytes, &iv) {
		return nil, "", badParameters
	}
	key, err := pbkdf2Key(m, s, params.KDF, c.keySize)
	if err != nil {
		return nil, "", err
	}
	block, err := c.block(key)
	if err != nil || len(iv) != block.BlockSize() {
		return nil, "", badParameters
	}
	plain, err = decryptCBC(block, iv, data)
	return plain, c.name, err
}

// pbkdf2Key derives a key by PBKDF2 (RFC 8018, appendix A.2). If size is 0, the parameters
// have it.
func pbkdf2Key(m *meter, s secret, kdf pkix.AlgorithmIdentifier, size int) ([]byte, error) {
	if !kdf.Algorithm.Equal(oidPBKDF2) {
		return nil, fail(Unsupported, "the file derives its keys in a way that is not known here")
	}
	var params pbkdf2Params
	if !decode(kdf.Parameters.FullBytes, &params) {
		return nil, badParameters
	}
	if size == 0 {
		size = params.Size
	}
	// RFC 9579 asks for MAC keys of 20 bytes or more. No key is longer than a SHA-512.
	if size < 16 || size > 64 || params.Size != 0 && params.Size != size {
		return nil, badParameters
	}
	newHash := sha1.New // PBKDF2's default
	if prf := params.PRF.Algorithm; prf != nil {
		var err error
		if newHash, err = digestFor(prf); err != nil {
			return nil, err
		}
	}
	n, err := m.spend(params.Rounds, newHash(), size)
	if err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(newHash, s.utf8, params.Salt, n, size)
	if err != nil {
		return nil, fail(Unsupported, "the file's key derivation is not allowed on this machine")
	}
	return key, nil
}

// decryptCBC decrypts and removes the padding (RFC 8018, section 6.1.1).
func decryptCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(data) == 0 || len(data)%size != 0 {
		return nil, fail(Damaged, "an encrypted part of the file has an impossible size")
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > size || !bytes.Equal(plain[len(plain)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, wrongKey
	}
	return plain[:len(plain)-pad], nil
}
