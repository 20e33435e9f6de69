package pushcert

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"slices"
)

// lookalike is a kind of file that is often mistaken for a .p12.
type lookalike struct {
	what    string
	matches func([]byte) bool
	remedy  string
}

const (
	appleP8 = "the Admin API takes certificates only, no token keys: create an Apple Push Notification service SSL " +
		"certificate at developer.apple.com and export it with its key as .p12"
	decryptFirst = "decrypt it first, and give the decrypted file"
)

// lookalikes are tried in order. The first match names the file.
var lookalikes = []lookalike{
	{"a certificate signing request", pemBlock("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
		"upload it at developer.apple.com, and combine the certificate that Apple issues with the request's key: " + CombineDERCommand},
	{"a PEM file with a certificate and a private key", both(pemBlock("CERTIFICATE"), pemBlock("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")),
		"make a p12 of it: openssl pkcs12 -export -in FILE.p12 -passout env:P12_PASSWORD -out NEW.p12"},
	{"a PEM certificate without its private key", pemBlock("CERTIFICATE"),
		"combine it with the key that its signing request was made with: " + CombineCommand},
	{"an APNs token key (.p8) or another bare private key", pemBlock("PRIVATE KEY"), appleP8},
	{"a PEM private key without a certificate", pemBlock("RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
		"combine it with the certificate that Apple issued for it: " + CombineCommand},
	{"a PEM file of another sort", prefix("-----BEGIN "), exportAgain},
	{"a PKCS#12 file as base64 text", base64P12, "decode it first: " + DecodeBase64Command},
	{"a Java keystore (JKS)", prefix("\xfe\xed\xfe\xed"),
		"convert it: keytool -importkeystore -srckeystore FILE.p12 -destkeystore NEW.p12 -deststoretype pkcs12"},
	{"a Java keystore (JCEKS)", prefix("\xce\xce\xce\xce"),
		"convert it: keytool -importkeystore -srckeystore FILE.p12 -srcstoretype jceks -destkeystore NEW.p12 -deststoretype pkcs12"},
	{"a zip archive", prefix("PK\x03\x04"), "unpack it, and give the .p12 that is in it"},
	{"a Git LFS pointer, not the file itself", prefix("version https://git-lfs"), "fetch the file: git lfs pull"},
	{"a file that git-crypt encrypted", prefix("\x00GITCRYPT"), "unlock the checkout: git-crypt unlock"},
	{"a file that age encrypted", prefix("age-encryption.org/"), decryptFirst},
	{"a file that Ansible Vault encrypted", prefix("$ANSIBLE_VAULT;"), decryptFirst},
	{"a web page (HTML)", html, "download the file itself: this is what a server says when a login or a permission is missing"},
	{"a property list or another XML file", prefix("<?xml", "bplist"), exportAgain},
	{"a JSON file", prefix("{"), "give the .p12 itself"},
	{"a provisioning profile (.mobileprovision)", both(signedData, contains("<plist")),
		"a profile belongs into the app's build; for push, " + exportAgain},
	{"a bundle of certificates without a key (.p7b)", signedData, exportAgain},
	{"a certificate without its private key (.cer)", derCertificate,
		"combine it with the key that its signing request was made with: " + CombineDERCommand},
	{"a bare private key (DER)", derKey, exportAgain},
	{"a binary file that was copied as text", prefix("0\xef\xbf\xbd"),
		"copy it again as binary: every byte that is no text was replaced, and cannot be restored"},
	{"a text file", onlyText, exportAgain},
}

// sniff returns an error that says what data is, or nil if it may be a PKCS#12 file.
func sniff(data []byte) error {
	if len(data) == 0 {
		return fail(Empty, "the file is empty")
	}
	if len(data) > MaxSize {
		return fail(TooLarge, fmt.Sprintf("the file has more than %d bytes, the most that is read of a p12", MaxSize))
	}
	for _, l := range lookalikes {
		if l.matches(data) {
			return &Error{Kind: NotP12, Message: "this is " + l.what + ", not a p12", Remedy: l.remedy}
		}
	}
	if data[0] != 0x30 {
		if len(bytes.Trim(data, "\x00")) == 0 {
			return fail(NotP12, "the file holds nothing but zero bytes")
		}
		return fail(NotP12, "this is not a p12, nor any other form of certificate or key")
	}
	return nil
}

// text returns data without the byte order mark and white space at its start.
func text(data []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
}

func prefix(starts ...string) func([]byte) bool {
	return func(data []byte) bool {
		data = text(data)
		return slices.ContainsFunc(starts, func(s string) bool { return bytes.HasPrefix(data, []byte(s)) })
	}
}

func contains(s string) func([]byte) bool {
	return func(data []byte) bool { return bytes.Contains(data, []byte(s)) }
}

func both(a, b func([]byte) bool) func([]byte) bool {
	return func(data []byte) bool { return a(data) && b(data) }
}

// pemBlock finds PEM blocks by name. A block may start anywhere in a text, since openssl
// writes comments before it. A DER file has none.
func pemBlock(types ...string) func([]byte) bool {
	return func(data []byte) bool {
		if data[0] == 0x30 && len(data) > 1 && data[1] >= 0x80 {
			return false
		}
		return slices.ContainsFunc(types, func(t string) bool { return bytes.Contains(data, []byte("-----BEGIN "+t+"-----")) })
	}
}

func html(data []byte) bool {
	start := bytes.ToLower(data[:min(len(data), 512)])
	return prefix("<!doctype", "<html", "<head", "<body")(start)
}

// onlyText: a p12 has a byte 3 for its version, which no text has; one that is cut short
// before it starts with a zero and a length.
func onlyText(data []byte) bool {
	return len(data) >= 8 && !bytes.ContainsFunc(data, func(r rune) bool {
		return r > 0x7e || r < 0x20 && r != '\t' && r != '\r' && r != '\n'
	})
}

// base64P12 reports whether data is a p12 in base64, as CI systems store binary secrets.
func base64P12(data []byte) bool {
	start := text(data)
	if !bytes.HasPrefix(start, []byte("MI")) {
		return false
	}
	start = bytes.Join(bytes.Fields(start[:min(len(start), 96)]), nil)
	der, err := base64.StdEncoding.DecodeString(string(start[:len(start)/4*4]))
	return err == nil && startsWith(der, 0x02)
}

// startsWith reports whether der is a sequence whose first elements have these tags. The
// sequence may be cut short.
func startsWith(der []byte, tags ...byte) bool {
	in, ok := inside(der)
	for _, t := range tags {
		if !ok || len(in) == 0 || in[0] != t {
			return false
		}
		e, err := readElement(in)
		ok, in = err == nil, e.rest
	}
	return true
}

// inside returns the content of der's first element if it is a sequence. It may be cut short.
func inside(der []byte) ([]byte, bool) {
	if len(der) < 2 || der[0] != 0x30 {
		return nil, false
	}
	head := 2
	if der[1] > 0x80 {
		head += int(der[1] & 0x7f)
	}
	if head > 6 || head > len(der) {
		return nil, false
	}
	return der[head:], true
}

// signedData reports whether data starts with PKCS#7's content type for signed data, like a
// provisioning profile or a .p7b.
func signedData(data []byte) bool {
	in, ok := inside(data)
	var kind asn1.ObjectIdentifier
	return ok && decode(in, &kind) && kind.Equal(oidSignedData)
}

// derCertificate: a sequence of a sequence that starts with [0] version and a serial
// number, or, in version 1, with the serial number and an algorithm.
func derCertificate(data []byte) bool {
	in, ok := inside(data)
	return ok && (startsWith(in, 0xa0, 0x02) || startsWith(in, 0x02, 0x30))
}

// derKey: PKCS#8 has a version 0 or 1 and an algorithm, PKCS#1 a version 0 and a modulus,
// SEC 1 a version 1 and an octet string, an encrypted PKCS#8 an algorithm and an octet
// string. A PFX has version 3.
func derKey(data []byte) bool {
	in, ok := inside(data)
	if !ok {
		return false
	}
	version := bytes.HasPrefix(in, []byte{2, 1, 0}) || bytes.HasPrefix(in, []byte{2, 1, 1})
	return version && (startsWith(data, 0x02, 0x30) || startsWith(data, 0x02, 0x02) || startsWith(data, 0x02, 0x04)) ||
		startsWith(data, 0x30, 0x04)
}
