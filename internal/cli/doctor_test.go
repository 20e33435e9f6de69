package cli

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// examine makes a doctor whose clock stands at now.
func examine(now time.Time) (*doctor, *bytes.Buffer) {
	var out bytes.Buffer
	t := newTerminal(Host{In: &bytes.Buffer{}, Out: &out, Err: &bytes.Buffer{}}, "never", false, false)
	return &doctor{t: t, g: &globals{}, now: func() time.Time { return now }}, &out
}

func TestDoctorClock(t *testing.T) {
	day := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	recorded := state.New()
	recorded.Apps["shop"] = state.App{CreatedAt: day, Certificates: state.Certificates{Production: state.Certificate{UploadedAt: day.Add(time.Hour)}}}
	for name, c := range map[string]struct {
		now  time.Time
		st   *state.State
		want string
		code int
	}{
		"well":                    {day.Add(24 * time.Hour), recorded, "", ExitDone},
		"a little behind":         {day.Add(time.Hour - maxSkew), recorded, "", ExitDone},
		"behind the state":        {day, recorded, "warning  clock         it says 2026-06-01T00:00:00Z, but the state has a record of 2026-06-01T01:00:00Z -> " + setClock + "\n", ExitDone},
		"lost, nothing recorded":  {time.Unix(0, 0), state.New(), "trouble  clock         it is not set: it says 1970-01-01T00:00:00Z -> " + setClock + "\n", ExitError},
		"well, and none recorded": {day, state.New(), "", ExitDone},
	} {
		t.Run(name, func(t *testing.T) {
			d, out := examine(c.now)
			d.clock(c.st)
			require.Equal(t, c.want, out.String())
			require.Equal(t, c.code, d.code)
		})
	}
}

func TestDoctorTellsAClockFromACertificate(t *testing.T) {
	now := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	cert := &x509.Certificate{NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(-4, 0, 0)}
	d, out := examine(now)
	d.tlsClock(fmt.Errorf("probe: %w", x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired}))
	require.Contains(t, out.String(), "it says 2031-01-01T00:00:00Z, but the endpoint's certificate is valid from 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z")

	d, out = examine(now)
	d.tlsClock(fmt.Errorf("probe: %w", x509.CertificateInvalidError{Cert: cert, Reason: x509.NotAuthorizedToSign}))
	require.Empty(t, out.String())
}

// net/http reads the proxy's variables once in a process, so the cases have one of their own.
func TestDoctorProxy(t *testing.T) {
	const proxy = "http://user:canary-password@proxy.example:3128"
	if os.Getenv("HTTPS_PROXY") != proxy {
		child := exec.Command(os.Args[0], "-test.run=^TestDoctorProxy$")
		child.Env = append(os.Environ(), "HTTPS_PROXY="+proxy, "NO_PROXY=inside.example")
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	for endpoint, want := range map[string]string{
		"https://admin.jpush.cn/v1/":   "ok       proxy         requests to admin.jpush.cn go through proxy.example:3128\n",
		"https://inside.example/v1/":   "ok       proxy         none for inside.example\n",
		"http://127.0.0.1:8080/v1/":    "",
		"http://sandbox.localhost/v1/": "",
	} {
		d, out := examine(time.Now())
		d.w = &workspace{endpoint: endpoint}
		d.proxy()
		require.Equal(t, want, out.String())
		require.Equal(t, ExitDone, d.code)
	}
}
