package executor

import (
	"fmt"
	"time"

	"jpsync/planner"
)

// invalidCertificate is the API's code for a certificate that it does not take.
const invalidCertificate = 1012

// RejectedError says that the server does not take a certificate, and what jpsync saw in it,
// so that a person can tell which of the two is mistaken.
type RejectedError struct {
	Certificate planner.Certificate
	Err         error // the server's answer
}

func (e *RejectedError) Error() string {
	c := e.Certificate
	return fmt.Sprintf("%s; in %s jpsync saw a certificate for %s, valid until %s, with the fingerprint %s",
		messageOf(e.Err), c.File, c.BundleID, c.NotAfter.UTC().Format(time.DateOnly), c.Fingerprint)
}

func (e *RejectedError) Unwrap() error { return e.Err }
