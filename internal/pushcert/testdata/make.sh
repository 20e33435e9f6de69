#!/bin/sh
# Makes the .p12 files that the tests read, with a real openssl (3.0 or newer), so that the
# tests themselves need none. Run it in this directory, only when a file has to be added:
# every run makes new keys and so new files. All of them hold a universal push certificate
# look-alike for cn.example.shop, valid for a hundred years, under the password "s3cret"
# unless their name says otherwise.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/leaf.cnf" <<'CNF'
[req]
distinguished_name = dn
prompt = no
utf8 = yes
[dn]
UID = cn.example.shop
CN = openssl test: Apple Push Services: cn.example.shop
[leaf]
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
1.2.840.113635.100.6.3.1 = ASN1:NULL
1.2.840.113635.100.6.3.2 = ASN1:NULL
1.2.840.113635.100.6.3.6 = ASN1:SEQUENCE:topics
[topics]
a = UTF8:cn.example.shop
b = SEQUENCE:app
c = UTF8:cn.example.shop.voip
d = SEQUENCE:voip
e = UTF8:cn.example.shop.complication
f = SEQUENCE:complication
[app]
a = UTF8:app
[voip]
a = UTF8:voip
[complication]
a = UTF8:complication
CNF

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tmp/ca.key" \
	-subj "/CN=openssl test issuer" -days 36500 -out "$tmp/ca.pem"

# leaf NAME KEYFILE: a certificate for that key, issued by the test issuer.
leaf() {
	openssl req -new -key "$2" -config "$tmp/leaf.cnf" -out "$tmp/$1.csr"
	openssl x509 -req -in "$tmp/$1.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -CAcreateserial \
		-days 36500 -extfile "$tmp/leaf.cnf" -extensions leaf -out "$tmp/$1.pem"
}
openssl genrsa -out "$tmp/rsa.key" 2048
openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/ec.key"
leaf rsa "$tmp/rsa.key"
leaf ec "$tmp/ec.key"
leaf renewed "$tmp/ec.key"

# p12 NAME OPTIONS: the EC certificate unless the options name another.
p12() {
	name=$1
	shift
	openssl pkcs12 -export -inkey "$tmp/ec.key" -in "$tmp/ec.pem" -passout pass:s3cret "$@" -out "$name.p12"
}
p12 modern-ec
p12 modern-rsa -inkey "$tmp/rsa.key" -in "$tmp/rsa.pem"
p12 legacy-ec -legacy
p12 legacy-rsa -legacy -inkey "$tmp/rsa.key" -in "$tmp/rsa.pem"
p12 descert -legacy -descert -macalg sha1
p12 rc2-128 -legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-RC2-128
p12 rc4-128 -legacy -certpbe PBE-SHA1-RC4-128 -keypbe PBE-SHA1-RC4-40
p12 3des-2 -legacy -certpbe PBE-SHA1-2DES -keypbe PBE-SHA1-2DES
p12 aes-128 -certpbe AES-128-CBC -keypbe AES-192-CBC -macalg sha384
p12 pbes2-3des -certpbe DES-EDE3-CBC -keypbe DES-EDE3-CBC -macalg sha512
p12 mac-sha224 -macalg sha224
p12 mac-md5 -macalg md5
p12 no-mac -nomac
p12 no-mac-legacy -nomac -legacy
p12 plain -certpbe NONE -keypbe NONE
p12 plain-no-mac -certpbe NONE -keypbe NONE -nomac
p12 empty-password -passout pass:
p12 empty-password-legacy -passout pass: -legacy
p12 utf8-password -passout pass:密码-ключ
p12 utf8-password-legacy -passout pass:密码-ключ -legacy
p12 chain -certfile "$tmp/ca.pem" -name "push 商城"
p12 no-key -nokeys
p12 two-certificates -certfile "$tmp/renewed.pem"
p12 md5-des -legacy -keypbe PBE-MD5-DES
p12 iterations-600000 -iter 600000
openssl pkcs12 -export -nocerts -inkey "$tmp/ec.key" -passout pass:s3cret -out no-certificate.p12
