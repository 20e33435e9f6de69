package pushcert

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// open decrypts and parses a file (RFC 7292, section 4).
func open(data []byte, password string) (*contents, error) {
	der, err := toDER(data)
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
		if c, err = openAs(m, s, safe, check); !errors.Is(err, wrongKey) {
			return c, err
		}
	}
	return nil, err
}

// openAs returns wrongKey if the secret is not that of the file.
func openAs(m *meter, s secret, safe []byte, check *mac) (*contents, error) {
	if check != nil {
		if err := check.verify(m, s, safe); err != nil {
			return nil, err
		}
	}
	r := reader{meter: m, secret: s}
	err := r.authenticatedSafe(safe)
	switch {
	case err == nil:
		return &r.contents, nil
	case check == nil && r.decrypted && errors.Is(err, noStructure):
		return nil, wrongKey // without a MAC only the structure tells whether the password is right
	case check != nil && errors.Is(err, wrongKey):
		return nil, fail(Unsupported, "the file's contents are encrypted under another password than its MAC, or damaged")
	}
	return nil, err
}

// withHint returns the error of a wrong password. If a similar one is right, it names the
// mistake: nobody sees a blank at the end of a secret.
func withHint(m *meter, password string, safe []byte, check *mac) error {
	fits := func(p string) bool {
		return slices.ContainsFunc(secrets(p), func(s secret) bool { return check.verify(m, s, safe) == nil })
	}
	err := fail(WrongPassword, "the password is wrong, or the file is damaged")
	trimmed := strings.TrimSpace(password)
	switch {
	case password == "":
		err.Message = "the file has a password, and none is given"
		err.Remedy = "name the password's environment variable or file in the manifest"
	case fits(""):
		err.Message = "the password is wrong: the file opens without one"
		err.Remedy = "leave the password out, or export the file again under one"
	case trimmed != password && fits(trimmed):
		err.Message = "the password is wrong: it fits without the white space around it"
		err.Remedy = "take the white space out of the environment variable or file that holds the password"
	}
	return err
}

// secret is a password in the two encodings that PKCS#12 uses.
type secret struct {
	bmp  []byte // big-endian UTF-16 with a final zero, for PKCS#12's own derivation
	utf8 string // for PBKDF2 (RFC 8018, section 3)
}

// secrets returns the encodings that programs use for a password, the standard one first.
// Without a password some programs encode an empty string and others nothing; RFC 7292,
// appendix B.1, asks for the former. Old versions of openssl encode each byte of a password
// as a character.
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
