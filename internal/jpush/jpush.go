// Package jpush is a client of the JPush Admin API. The API creates and deletes apps and
// uploads their APNs push certificates. It cannot list, read or change anything, so the
// caller has to record every answer.
//
// A [Client] makes exactly one attempt per call. The caller decides from the [Class] of the
// returned [Error] whether to retry.
//
// Start at [Client.CreateApp] in client.go, which has a method for each call. do.go sends a call
// over transport.go, and judge.go makes an answer or an error of what came back. wire.go encodes
// an upload and reads the headers that ask for a pause. codes.go has the table of all errors, and
// clean.go keeps secrets out of them.
package jpush

import "strings"

// Environment is one of the two APNs environments. JPush keeps one certificate per app and
// environment.
type Environment string

// The two APNs environments.
const (
	Development Environment = "development"
	Production  Environment = "production"
)

// Environments lists both in the order in which they are uploaded and shown.
var Environments = []Environment{Development, Production}

// App is the request of a create. GroupName is optional; the request leaves it out when it
// is empty.
type App struct {
	Name           string `json:"app_name"`
	AndroidPackage string `json:"android_package"`
	GroupName      string `json:"group_name,omitempty"`
}

// Created is the answer to a create.
type Created struct {
	AppKey       string
	MasterSecret string // empty when the server leaves it out
	IsNew        bool   // false: the app existed before
}

// ValidAppKey reports whether an app key can be recorded. The API's documents show 24
// hexadecimal digits; this accepts any 1 to 128 letters, digits, - and _.
func ValidAppKey(key string) bool {
	const valid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return len(key) >= 1 && len(key) <= 128 && strings.TrimLeft(key, valid) == ""
}

// Certificate is a PKCS#12 file to upload for one environment of an app. Password may be
// empty; it is sent all the same.
type Certificate struct {
	Environment Environment
	Filename    string // only the base name is sent
	Data        []byte
	Password    string
}
