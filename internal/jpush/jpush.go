// Package jpush speaks the JPush Admin API: it creates and deletes apps and uploads
// their APNs push certificates. That is all the API can do. It lists nothing, reads
// nothing and changes nothing, so whoever calls this package has to remember every answer.
//
// A [Client] makes exactly one attempt per call. Whether to try again is the caller's
// decision, taken from the [Class] of the [Error] that came back.
package jpush

// Environment says which of APNs' two services a push certificate is for. JPush keeps
// one certificate per app and environment.
type Environment string

// The two APNs environments.
const (
	Development Environment = "development"
	Production  Environment = "production"
)

// Environments lists both in the order in which they are uploaded and shown.
var Environments = []Environment{Development, Production}

// App is what a create sends. GroupName is optional and left out of the request when empty.
type App struct {
	Name           string
	AndroidPackage string
	GroupName      string
}

// Created is the answer to a create.
type Created struct {
	AppKey         string
	MasterSecret   string // empty when the server leaves it out
	AndroidPackage string
	IsNew          bool // false: the app was there before
}

// Certificate is a PKCS#12 file on its way to one environment of an app. Password may be
// empty; it is sent all the same.
type Certificate struct {
	Environment Environment
	Filename    string // the base name only; a path is never sent
	Data        []byte
	Password    string
}
