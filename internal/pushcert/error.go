package pushcert

// Kind is a stable code for what is wrong with a file.
type Kind string

// The kinds of errors that [Inspect] returns.
const (
	Empty             Kind = "empty"
	TooLarge          Kind = "too_large"
	NotP12            Kind = "not_p12"
	Truncated         Kind = "truncated"
	Damaged           Kind = "damaged"
	Unsupported       Kind = "unsupported"
	TooCostly         Kind = "too_costly"
	WrongPassword     Kind = "wrong_password"
	NoKey             Kind = "no_key"
	NoCertificate     Kind = "no_certificate"
	KeyMismatch       Kind = "key_mismatch"
	SeveralIdentities Kind = "several_identities"
)

// The commands in the remedies. The password is in the environment, so that no list of
// processes shows it, and the private key is never unencrypted on the disk.
const (
	// ReencodeCommand converts any p12 that openssl can read to openssl's default form: from
	// FILE.p12 to NEW.p12, both under $P12_PASSWORD. It needs a temporary file because
	// openssl 3 reads its input twice, which a pipe does not allow.
	ReencodeCommand = "openssl pkcs12 -in FILE.p12 -passin env:P12_PASSWORD -passout env:P12_PASSWORD -out TEMP.pem && " +
		"openssl pkcs12 -export -in TEMP.pem -passin env:P12_PASSWORD -passout env:P12_PASSWORD -out NEW.p12 && rm TEMP.pem"
	// CombineCommand makes a p12 from a PEM certificate and its PEM key.
	CombineCommand = "openssl pkcs12 -export -in CERT.pem -inkey KEY.pem -passout env:P12_PASSWORD -out NEW.p12"
	// CombineDERCommand makes a p12 from a downloaded .cer and its PEM key.
	CombineDERCommand = "openssl x509 -inform DER -in FILE.cer | " +
		"openssl pkcs12 -export -inkey KEY.pem -passout env:P12_PASSWORD -out NEW.p12"
	// DecodeBase64Command decodes base64 text with lines of any length.
	DecodeBase64Command = "tr -d ' \\t\\r\\n' <FILE.p12 | openssl base64 -d -A -out NEW.p12"
)

const exportAgain = "export it again from Keychain Access: under My Certificates, the one with a private key below it, as .p12"

// remedies has the default remedy of each kind.
var remedies = map[Kind]string{
	Empty:     "copy the file again, or " + exportAgain,
	TooLarge:  "check that this is the right file: a push certificate with its key takes about 3 KiB",
	NotP12:    exportAgain,
	Truncated: "copy the file again, as binary, and compare the sizes",
	Damaged:   "copy the file again, as binary, or " + exportAgain,
	Unsupported: "write it anew in a form that everybody reads: " + ReencodeCommand +
		" (openssl 3 wants -legacy after the first pkcs12 for old ciphers)",
	TooCostly: "write it anew with ordinary parameters: " + ReencodeCommand,
	WrongPassword: "try the password: openssl pkcs12 -in FILE.p12 -noout -passin env:P12_PASSWORD " +
		"(with -legacy for a Keychain export); if none opens it, export it again",
	NoKey: exportAgain + "; this works only on the machine that made the signing request, " +
		"or with its key: " + CombineCommand,
	NoCertificate:     "add the certificate that Apple issued for this key: " + CombineCommand,
	KeyMismatch:       "find the key that the signing request was made with, and combine the two: " + CombineCommand,
	SeveralIdentities: exportAgain + "; select that one alone",
}

// Remedy says what to do about most files of a kind.
func (k Kind) Remedy() string { return remedies[k] }

// Error says why a file is no usable push certificate. Its texts hold neither the password
// nor data from the file.
type Error struct {
	Kind    Kind
	Message string // what is wrong
	Remedy  string // what to do; FILE and NEW stand for the caller's paths
}

// Error returns both texts.
func (e *Error) Error() string { return e.Message + "; " + e.Remedy }

// Is reports whether target is an Error of the same kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind
}

// fail returns an error with the default remedy of its kind.
func fail(k Kind, message string) *Error {
	return &Error{Kind: k, Message: message, Remedy: remedies[k]}
}
