package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"jpsync/internal/jpush"
	"jpsync/state"
)

// proxy says whether the requests go through one, by its host alone: its URL may hold a
// password. Plain http is for loopback and knows no proxy.
func (d *doctor) proxy(endpoint string) {
	u, err := url.Parse(endpoint)
	if d.g.Sandbox || err != nil || u.Scheme == "http" {
		return
	}
	switch proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); {
	case err != nil:
		d.trouble("proxy", errors.New("the proxy that HTTPS_PROXY names is not a URL"), "write it like http://proxy.example:3128, or unset it")
	case proxy != nil:
		d.well("proxy", "requests to "+u.Host+" go through "+proxy.Host)
	default:
		d.well("proxy", "none for "+u.Host)
	}
}

// oldest is a time before which no jpsync of this kind ran: a machine that believes it is
// earlier has lost its clock.
var oldest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// skew is how far clocks of different machines may be apart without a word.
const skew = 5 * time.Minute

const setClock = "set the clock, by NTP for instance: TLS and the expiry of certificates go by it"

// clock holds this machine's clock against what other runs recorded.
func (d *doctor) clock(st *state.State) {
	now, latest := d.now(), oldest
	for _, app := range st.Apps {
		if app.CreatedAt.After(latest) {
			latest = app.CreatedAt
		}
		for _, env := range jpush.Environments {
			if uploaded := app.Certificates.Of(env).UploadedAt; uploaded.After(latest) {
				latest = uploaded
			}
		}
	}
	switch {
	case now.Before(oldest):
		d.trouble("clock", fmt.Errorf("it says %s, which is long ago", now.UTC().Format(time.RFC3339)), setClock)
	case latest.Sub(now) > skew:
		d.warning("clock", fmt.Sprintf("it says %s, and the state has a record of %s", now.UTC().Format(time.RFC3339), latest.UTC().Format(time.RFC3339)), setClock)
	}
}

// certificateTime adds to a refused TLS certificate that the clock may be what is wrong.
func (d *doctor) certificateTime(err error) {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired && e.Cert != nil {
		d.trouble("clock", fmt.Errorf("it says %s, and the endpoint's certificate is valid from %s to %s", d.now().UTC().Format(time.RFC3339),
			e.Cert.NotBefore.UTC().Format(time.RFC3339), e.Cert.NotAfter.UTC().Format(time.RFC3339)), setClock)
	}
}
