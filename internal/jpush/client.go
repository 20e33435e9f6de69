package jpush

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// DefaultTimeout bounds an attempt from its start to the last byte of its answer.
const DefaultTimeout = 60 * time.Second

// Options configures a [Client].
type Options struct {
	Endpoint  string // see NormalizeEndpoint; empty: DefaultEndpoint
	DevKey    string
	DevSecret string
	Version   string        // of jpsync, for the User-Agent; empty: dev
	Timeout   time.Duration // for one whole attempt; 0: DefaultTimeout
	MaxConns  int           // connections that are kept open between requests; 0: 64
	// Transport takes the place of the real one: a simulator's, or a test's. The limits on
	// headers, dialing and TLS are the real one's and do not apply to it.
	Transport http.RoundTripper
}

// Client makes requests of one account. It is safe for concurrent use.
//
// A response with status 401 closes it: from then on every call returns that refusal at
// once and sends nothing. What is in flight at that moment goes on.
type Client struct {
	base          *url.URL
	authorization string
	userAgent     string
	timeout       time.Duration
	transport     http.RoundTripper
	devSecret     string
	pair          string // dev_key:dev_secret
	refused       atomic.Pointer[Error]
	large         chan struct{} // held by whoever has a large body in memory
}

// New checks the options and makes a client. It opens no connection.
func New(o Options) (*Client, error) {
	if o.Endpoint == "" {
		o.Endpoint = DefaultEndpoint
	}
	endpoint, err := NormalizeEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	if err := checkCredential("dev_key", o.DevKey); err != nil {
		return nil, err
	}
	if err := checkCredential("dev_secret", o.DevSecret); err != nil {
		return nil, err
	}
	if strings.Contains(o.DevKey, ":") {
		return nil, errors.New("the dev_key contains a colon, which ends it in HTTP basic authentication; is it the dev_key alone?")
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxConns <= 0 {
		o.MaxConns = defaultMaxConns
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Transport == nil {
		o.Transport = newTransport(base, o.MaxConns)
	}
	pair := o.DevKey + ":" + o.DevSecret
	return &Client{
		base:          base,
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)),
		userAgent:     "jpsync/" + o.Version,
		timeout:       o.Timeout,
		transport:     o.Transport,
		devSecret:     o.DevSecret,
		pair:          pair,
		large:         make(chan struct{}, largeBodies),
	}, nil
}

func checkCredential(name, value string) error {
	if value == "" {
		return fmt.Errorf("the %s is empty", name)
	}
	if strings.IndexFunc(value, unicode.IsControl) >= 0 {
		return fmt.Errorf("the %s contains a control character; is there a line break at its end?", name)
	}
	return nil
}

// CreateApp asks for an app. A server that has one for the package returns that one, with
// IsNew false.
func (c *Client) CreateApp(ctx context.Context, app App) (Created, error) {
	cl := call{op: OpCreate, target: "app " + app.AndroidPackage, path: "app"}
	body, err := encodeApp(app)
	if err != nil {
		return Created{}, c.badArgument(cl, err)
	}
	cl.body, cl.contentType = body, "application/json"
	a, err := c.do(ctx, cl)
	if err != nil {
		return Created{}, err
	}
	return c.checkCreated(cl, app, a)
}

// DeleteApp deletes an app for good, with the devices that are registered to it.
func (c *Client) DeleteApp(ctx context.Context, appKey string) error {
	_, err := c.doApp(ctx, call{op: OpDelete, target: "app " + appKey}, appKey, "/delete")
	return err
}

// UploadCertificate gives an app its push certificate for one environment, in the place of
// one that it may have. A server that has this certificate already is an [Error] of
// [ClassConverged].
func (c *Client) UploadCertificate(ctx context.Context, appKey string, cert Certificate) error {
	cl := call{op: OpUpload, target: fmt.Sprintf("%s certificate of app %s", cert.Environment, appKey), secret: cert.Password}
	body, contentType, err := encodeCertificate(cert)
	if err != nil {
		return c.badArgument(cl, err)
	}
	cl.body, cl.contentType = body, contentType
	_, err = c.doApp(ctx, cl, appKey, "/certificate")
	return err
}

// Probe reports whether the credentials are good, without changing anything: it asks for
// an app without a name, which the API refuses only after it has checked who asks.
func (c *Client) Probe(ctx context.Context) error {
	cl := call{op: OpProbe, target: "credentials", path: "app", body: []byte("{}"), contentType: "application/json"}
	_, err := c.do(ctx, cl)
	var e *Error
	switch {
	case err == nil:
		return c.fail(cl, &Error{Status: http.StatusOK, Sent: true, Condition: NotAnAnswer, Class: ClassStop,
			Err: errors.New("an app without a name was accepted")})
	case errors.As(err, &e) && (e.Code == 4002 || e.Code == 4003):
		return nil
	}
	return err
}

// CloseIdleConnections closes the connections that no request uses.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// checkCreated trusts an answer only as far as it goes with the question. A key or a
// package that is wrong once will be so again, so asking again is no way out.
func (c *Client) checkCreated(cl call, app App, a answer) (Created, error) {
	got := a.created()
	e := &Error{Status: http.StatusOK, Sent: true, Class: ClassApp}
	if !validKey(got.AppKey) {
		e.Condition, e.Err = BrokenKey, fmt.Errorf("app_key %q", got.AppKey)
		return Created{}, c.fail(cl, e)
	}
	if !absent(a.AndroidPackage) && got.AndroidPackage != app.AndroidPackage {
		e.Condition = OtherPackage
		e.Err = fmt.Errorf("asked for %s, answered with app_key %s of %s", app.AndroidPackage, got.AppKey, a.AndroidPackage)
		return Created{}, c.fail(cl, e)
	}
	got.AndroidPackage = app.AndroidPackage
	return got, nil
}
