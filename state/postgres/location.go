package postgres

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Schemes begin every location of this package.
var Schemes = []string{"postgres", "postgresql"}

// defaultState is the place in the table when the location names none.
const defaultState = "jpsync"

// Location is a place in a database, as postgres://USER@HOST:PORT/DB?sslmode=…&state=NAME
// names it.
type Location struct {
	config *pgconn.Config
	state  string // the value of the column "place"
	text   string // as given
}

// String returns the location as it was given. It holds no secret: [Parse] refuses one that does.
func (l Location) String() string { return l.text }

// Parse reads a location. What it does not say comes from the variables of libpq, the
// password from nowhere else: PGPASSWORD, PGPASSFILE, a service file. Errors do not repeat a
// location that may hold a secret.
func Parse(location string) (Location, error) {
	u, err := url.Parse(location)
	if err != nil || !slices.Contains(Schemes, u.Scheme) || !strings.Contains(location, "://") {
		return Location{}, errors.New("the state's location is not of the form postgres://USER@HOST:PORT/DB?sslmode=verify-full&state=NAME")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Location{}, errors.New("the state's location has parameters that cannot be read: they look like sslmode=verify-full&state=NAME")
	}
	if _, has := u.User.Password(); has || hasPassword(query) || misplaced.MatchString(u.Path) {
		return Location{}, errors.New("the state's location holds a password, which ends up in logs: take it out and set PGPASSWORD, or PGPASSFILE")
	}
	if u.Fragment != "" {
		return Location{}, errors.New("the state's location has a # in it: write %23 where it belongs to a name")
	}
	for name, values := range query {
		if !slices.Contains(parameters, name) {
			return Location{}, errors.New("unknown parameter in the state's location: known are " + strings.Join(parameters, ", "))
		}
		if len(values) > 1 {
			return Location{}, fmt.Errorf("the state's location gives %s more than once", name)
		}
	}
	l := Location{state: cmp.Or(query.Get("state"), defaultState), text: location}
	query.Del("state")
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // pgconn takes a + for one
	if l.config, err = pgconn.ParseConfig(u.String()); err != nil {
		return Location{}, fmt.Errorf("the state's location: %w", parseError(err))
	}
	return l, l.requireTLS()
}

// parameters are what a location may have. What is not listed may be a secret in the wrong
// place, which pgconn would send to the server as a setting.
var parameters = []string{
	"application_name", "channel_binding", "connect_timeout", "dbname", "host", "options", "passfile", "port", "search_path", "service",
	"servicefile", "sslcert", "sslkey", "sslmode", "sslnegotiation", "sslrootcert", "sslsni", "state", "statement_timeout",
	"target_session_attrs", "user",
}

// misplaced finds USER:PASSWORD@HOST in a database's name, where one slash too many puts it.
var misplaced = regexp.MustCompile(`(?s):.*@`)

// hasPassword also finds a parameter that only looks like libpq's password or sslpassword.
func hasPassword(query url.Values) bool {
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			return true
		}
	}
	return false
}

// parseError drops what pgconn and strconv quote of the location.
func parseError(err error) error {
	if _, ok := errors.AsType[*strconv.NumError](err); ok {
		return errors.New("a number in it is invalid, the port's or that of connect_timeout")
	}
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return errors.New("it cannot be read")
}

// requireTLS refuses a connection that may go unencrypted to another machine, as libpq's
// default sslmode=prefer does: the entries hold master secrets. It refuses TLS before version 1.2
// as well, whatever the program's defaults are.
func (l Location) requireTLS() error {
	first := &pgconn.FallbackConfig{Host: l.config.Host, TLSConfig: l.config.TLSConfig}
	for _, way := range append([]*pgconn.FallbackConfig{first}, l.config.Fallbacks...) {
		switch {
		case way.TLSConfig != nil:
			way.TLSConfig.MinVersion = max(way.TLSConfig.MinVersion, tls.VersionTLS12)
		case !local(way.Host):
			return errors.New("the connection to the state's database may go unencrypted, and the state holds master secrets: " +
				"add sslmode=verify-full to the location, or sslmode=require, or set PGSSLMODE")
		}
	}
	return nil
}

// local tells a Unix socket or a loopback address.
func local(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}
