package pushcert

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"software.sslmate.com/src/go-pkcs12"
)

func TestInspectNamesWhatIsNoP12(t *testing.T) {
	cert, key := leafOf(t, mint(t, MintOptions{Encoder: pkcs12.Passwordless}))
	block := func(name string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}))
	}
	p12 := fixture(t, "modern-ec")
	encryptedKey := build(t, seq(pbes2Algorithm(two9), octets(make([]byte, 48))))
	profile := build(t, seq(id(oidSignedData), wrap(explicit0, octets([]byte("<?xml version=\"1.0\"?><plist/>")))))
	bundle := build(t, seq(id(oidSignedData), wrap(explicit0, seq(number(1)))))
	wrapped := func(n int) string {
		text := base64.StdEncoding.EncodeToString(p12)
		var lines []string
		for len(text) > n {
			lines, text = append(lines, text[:n]), text[n:]
		}
		return strings.Join(append(lines, text), "\r\n")
	}
	tests := []struct {
		name    string
		data    string
		message string
		remedy  string
	}{
		{".cer", string(cert), "(.cer)", CombineDERCommand},
		{".pem", block("CERTIFICATE", cert), "PEM certificate without", CombineCommand},
		{".pem of openssl", "Bag Attributes\n    localKeyID: 01\n" + block("CERTIFICATE", cert), "PEM certificate without", CombineCommand},
		{".pem with both", block("CERTIFICATE", cert) + block("PRIVATE KEY", key), "a certificate and a private key", "openssl pkcs12 -export -in FILE.p12"},
		{".p8", block("PRIVATE KEY", key), "(.p8)", "token keys"},
		{"key.pem", block("RSA PRIVATE KEY", key), "PEM private key", CombineCommand},
		{".certSigningRequest", block("CERTIFICATE REQUEST", cert), "signing request", "upload it"},
		{"dhparam.pem", block("DH PARAMETERS", cert), "PEM file of another sort", ""},
		{"key.der", string(key), "bare private key (DER)", ""},
		{"rsa.der", string(build(t, seq(number(0), number(1<<40), number(65537)))), "bare private key (DER)", ""},
		{"ec.der", string(build(t, seq(number(1), octets(make([]byte, 32))))), "bare private key (DER)", ""},
		{"encrypted key.der", string(encryptedKey), "bare private key (DER)", ""},
		{".mobileprovision", string(profile), "provisioning profile", ""},
		{".mobileprovision in BER", string(toBER(t, profile)), "provisioning profile", ""},
		{".p7b", string(bundle), "(.p7b)", ""},
		{"base64", base64.StdEncoding.EncodeToString(p12) + "\n", "base64 text", DecodeBase64Command},
		{"base64 in lines", wrapped(76), "base64 text", DecodeBase64Command},
		{"base64 in short lines", wrapped(10), "base64 text", DecodeBase64Command},
		{"JKS", "\xfe\xed\xfe\xed\x00\x00\x00\x02", "JKS", "keytool"},
		{"JCEKS", "\xce\xce\xce\xce\x00\x00\x00\x02", "JCEKS", "keytool"},
		{"zip", "PK\x03\x04rest", "zip archive", "unpack"},
		{"LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS", "git lfs pull"},
		{"git-crypt", "\x00GITCRYPT\x00rest", "git-crypt", "unlock"},
		{"age", "age-encryption.org/v1\n-> X25519\n", "age", "decrypt"},
		{"vault", "$ANSIBLE_VAULT;1.1;AES256\n61", "Ansible", "decrypt"},
		{"HTML", "\r\n<!DOCTYPE html>\n<html>", "HTML", "download"},
		{"HTML in capitals", "\xef\xbb\xbf<HTML><HEAD>", "HTML", "download"},
		{"plist", "<?xml version=\"1.0\"?><plist>", "property list", ""},
		{"JSON", "{\"error\": 404}", "JSON", ""},
		{"copied as text", strings.ToValidUTF8(string(p12), "\uFFFD"), "copied as text", "binary"},
		{"text", "p12 to follow", "text file", ""},
		{"text that starts like a p12", "0 or nothing", "text file", ""},
		{"zeros", string(make([]byte, 3000)), "zero bytes", ""},
		{"garbage", "\x8f\x01\xff\x00\x10\x80", "not a p12", ""},
		{"another sequence", string(build(t, seq(octets(make([]byte, 40))))), "not a p12", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Inspect([]byte(tt.data), "")
			e := requireError(t, err, NotP12)
			assert.Contains(t, e.Message, tt.message)
			assert.Contains(t, e.Remedy, tt.remedy)
		})
	}
}

// TestSniffLetsEveryP12Pass holds that no rule catches the real thing.
func TestSniffLetsEveryP12Pass(t *testing.T) {
	for _, f := range readable {
		data := fixture(t, f.name)
		assert.NoError(t, sniff(data))
		assert.NoError(t, sniff(toBER(t, data)))
	}
	// Words that the rules look for may stand in a p12, unencrypted.
	name := []byte("<plist -----BEGIN CERTIFICATE----- \xef\xbf\xbd")
	assert.NoError(t, sniff(pfx(t, []addFunc{plainSafe(t, certBag(bytes.Repeat(name, 3)))})))
}
