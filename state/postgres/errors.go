package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"jpsync/state/shared"
)

// Error is a refusal by the database.
type Error struct {
	Op   string // "connect", "create log/000000000042", …
	Code string // SQLSTATE
	Err  error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Op, e.Err)
	if remedy := e.Remedy(); remedy != "" {
		text += "; " + remedy
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Remedy says what to do, or nothing.
func (e *Error) Remedy() string { return remedies[e.Code] }

// remedies go by SQLSTATE: PostgreSQL's documentation, appendix A.
var remedies = map[string]string{
	"28P01":      "check PGPASSWORD, or the file that PGPASSFILE names",
	"28000":      "the server does not let this user in: check the user in the location, and pg_hba.conf",
	"3D000":      "create the database, or correct its name in the location",
	"42501":      "let somebody run the output of jpsync state sql, which has the table and the grants",
	"25006":      "the server takes no writes, perhaps it is a standby: name the primary in the location",
	"3F000":      "create the schema, or correct search_path",
	codeTLS:      "the server has no TLS, or its certificate is not trusted: check sslmode and sslrootcert",
	codePassword: "set PGPASSWORD, or PGPASSFILE",
	codeDial:     "check the host and the port in the location, and that the server runs",
	"53300":      "the server has no connection left: raise max_connections, or use a pooler",
	"42P01":      "let somebody run the output of jpsync state sql, which has the table and the grants",
}

// Codes of our own, for what has no SQLSTATE.
const (
	codeTLS      = "tls"
	codePassword = "password"
	codeDial     = "dial"
)

// passing are the classes and codes of SQLSTATE that a later attempt may not meet.
var passing = []string{
	"08",    // connection exception
	"40",    // transaction rollback: serialization failure, deadlock
	"53",    // insufficient resources, too many connections
	"55P03", // lock not available
	"57",    // operator intervention: shutdown, cannot connect now, query cancelled
	"58",    // system error
	"XX",    // internal error
}

// failure says whether what went wrong is final or may pass.
func failure(op string, err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		refusal := &Error{Op: op, Code: e.Code, Err: errors.New(e.Message)}
		if slices.ContainsFunc(passing, func(class string) bool { return strings.HasPrefix(e.Code, class) }) {
			return &shared.UnavailableError{Err: refusal}
		}
		return refusal
	}
	e := &Error{Op: op, Code: kindOf(err), Err: err}
	if e.Code == codeTLS || e.Code == codePassword {
		return e // the next attempt meets the same
	}
	return &shared.UnavailableError{Err: e}
}

// kindOf names the troubles of connecting that have no SQLSTATE, by the texts of crypto/tls
// and pgconn.
func kindOf(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "tls:"), strings.Contains(text, "x509:"), strings.Contains(text, "server refused TLS"):
		return codeTLS
	case strings.Contains(text, "no password"), strings.Contains(text, "password authentication required"):
		return codePassword
	case strings.Contains(text, "dial error"), strings.Contains(text, "dial tcp"), strings.Contains(text, "dial unix"), strings.Contains(text, "hostname resolving"):
		return codeDial
	}
	return ""
}
