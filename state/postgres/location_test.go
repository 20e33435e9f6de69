package postgres

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"
)

func noEnvironment(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE"} {
		t.Setenv(name, "")
	}
}

func TestTLS(t *testing.T) {
	noEnvironment(t)
	for location, allowed := range map[string]bool{
		"postgres://jpsync@db.example/release?sslmode=verify-full":          true,
		"postgres://jpsync@db.example/release?sslmode=verify-ca":            true,
		"postgres://jpsync@db.example/release?sslmode=require":              true,
		"postgres://jpsync@db.example/release?sslmode=prefer":               false,
		"postgres://jpsync@db.example/release?sslmode=allow":                false,
		"postgres://jpsync@db.example/release?sslmode=disable":              false,
		"postgres://jpsync@db.example/release":                              false,
		"postgres://jpsync@127.0.0.1:5432,db.example/release":               false,
		"postgres://jpsync@127.0.0.1/release":                               true,
		"postgres://jpsync@[::1]/release?sslmode=disable":                   true,
		"postgres://jpsync@localhost/release":                               true,
		"postgresql:///release?host=/var/run/postgresql":                    true,
		"postgres://jpsync@/release?host=db.example":                        false,
		"postgres://jpsync@127.0.0.1.example.com/release":                   false,
		"postgres://jpsync@a.example,b.example/release?sslmode=verify-full": true,
	} {
		l, err := Parse(location)
		if !allowed {
			require.ErrorContains(t, err, "sslmode=verify-full", location)
			continue
		}
		require.NoError(t, err, location)
		require.Equal(t, location, l.String())
		if c := l.config.TLSConfig; c != nil {
			require.GreaterOrEqual(t, c.MinVersion, uint16(tls.VersionTLS12))
		}
	}
	t.Setenv("PGSSLMODE", "verify-full")
	_, err := Parse("postgres://jpsync@db.example/release")
	require.NoError(t, err)
}

// TestSpaces reads a parameter as [url.ParseQuery] does: a space is %20 or +, and a + is %2B.
func TestSpaces(t *testing.T) {
	noEnvironment(t)
	for given, want := range map[string]string{"release%20runner": "release runner", "release+runner": "release runner", "release%2Brunner": "release+runner"} {
		l, err := Parse("postgres://127.0.0.1/db?application_name=" + given)
		require.NoError(t, err)
		require.Equal(t, want, l.config.RuntimeParams["application_name"], given)
	}
}

func TestLocationsThatAreRefused(t *testing.T) {
	noEnvironment(t)
	const secret = "canary"
	for location, want := range map[string]string{
		"postgres://jpsync:" + secret + "@127.0.0.1/db":     "holds a password",
		"postgres://127.0.0.1/db?password=" + secret:        "holds a password",
		"postgres://127.0.0.1/db?PassWord=" + secret:        "holds a password",
		"postgres://127.0.0.1/db?sslpassword=" + secret:     "holds a password",
		"postgres://jpsync:" + secret + "%zz@127.0.0.1/db":  "of the form",
		"postgres://jpsync:" + secret + "/x@127.0.0.1/db":   "of the form",
		"postgres://127.0.0.1/db#" + secret:                 "has a #",
		"postgres://127.0.0.1/db?a=%zz" + secret:            "parameters",
		"postgres://127.0.0.1/db?sslmode=" + secret:         "sslmode",
		"postgres://127.0.0.1/db?" + secret + "=1":          "unknown parameter",
		"postgres://127.0.0.1/db?pw=" + secret:              "unknown parameter",
		"postgres://127.0.0.1/db?state=a&state=" + secret:   "gives state more than once",
		"postgres://127.0.0.1/db?connect_timeout=" + secret: "a number",
		"postgres://127.0.0.1/db?port=" + secret:            "cannot be read",
		"postgres:///jpsync:" + secret + "@host/db":         "holds a password",
		"postgres:/jpsync:" + secret + "@host/db":           "of the form",
		"postgres:jpsync:" + secret + "@host/db":            "of the form",
		"postgres://127.0.0.1:port-" + secret + "/db":       "of the form",
		"mysql://127.0.0.1/db":                              "of the form",
	} {
		_, err := Parse(location)
		require.ErrorContains(t, err, want, location)
		require.NotContains(t, err.Error(), secret)
	}
}
