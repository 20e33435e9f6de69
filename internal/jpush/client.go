package jpush

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"golang.org/x/sync/semaphore"
)

// DefaultTimeout limits an attempt from its start to the last byte of its answer.
const DefaultTimeout = 60 * time.Second

// Options configures a [Client].
type Options struct {
	Endpoint  string // see NormalizeEndpoint; empty: DefaultEndpoint
	DevKey    string
	DevSecret string
	Version   string        // of jpsync, for the User-Agent; empty: dev
	Timeout   time.Duration // for one whole attempt; 0: DefaultTimeout
	MaxConns  int           // connections kept open between requests; 0: 64
	// Transport replaces the network, for a simulator or a test. The limits on headers,
	// dialing and TLS do not apply to it.
	Transport http.RoundTripper
}

// Client makes requests for one account. It is safe for concurrent use.
//
// A response with status 401 ends it: from then on every call returns that refusal at once
// and sends nothing. Requests in flight go on.
type Client struct {
	base      *url.URL
	devKey    string
	devSecret string
	userAgent string
	timeout   time.Duration
	transport http.RoundTripper
	refused   atomic.Pointer[Error] // the first 401
	large     *semaphore.Weighted   // held while a large answer is read
}

// New checks the options and makes a client. It opens no connection.
func New(o Options) (*Client, error) {
	c, err := newClient(o, DefaultEndpoint, "/v1/")
	if err != nil {
		return nil, err
	}
	if err := checkPair("dev_key", o.DevKey, "dev_secret", o.DevSecret); err != nil {
		return nil, err
	}
	return c, nil
}

// newClient fills in the defaults, among them an endpoint and the path of one that has none.
func newClient(o Options, usual, usualPath string) (*Client, error) {
	endpoint, err := normalize(cmp.Or(o.Endpoint, usual), usual, usualPath)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Transport == nil {
		o.Transport = newTransport(base, cmp.Or(o.MaxConns, defaultMaxConns))
	}
	return &Client{
		base:      base,
		devKey:    o.DevKey,
		devSecret: o.DevSecret,
		userAgent: "jpsync/" + cmp.Or(o.Version, "dev"),
		timeout:   o.Timeout,
		transport: o.Transport,
		large:     semaphore.NewWeighted(largeBodies),
	}, nil
}

// checkPair refuses a key and a secret that HTTP basic authentication cannot carry. The error
// names them and repeats neither.
func checkPair(keyName, key, secretName, secret string) error {
	if err := checkCredential(keyName, key); err != nil {
		return err
	}
	if err := checkCredential(secretName, secret); err != nil {
		return err
	}
	if strings.Contains(key, ":") {
		return fmt.Errorf("the %s contains a colon, which ends it in HTTP basic authentication; is it the %[1]s alone?", keyName)
	}
	return nil
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

// CreateApp creates an app: POST app. A server that has one for the package returns that one, with
// IsNew false.
func (c *Client) CreateApp(ctx context.Context, app App) (Created, error) {
	cl := call{op: OpCreate, target: "app " + app.AndroidPackage, path: []string{"app"}, contentType: "application/json"}
	var err error
	if cl.body, err = encodeApp(app); err != nil {
		return Created{}, c.badArgument(cl, err)
	}
	b, err := c.do(ctx, cl)
	if err != nil {
		return Created{}, err
	}
	return c.created(cl, app, b)
}

// encodeApp returns the body of a create. The fields have the order of the API's documents,
// and names are written as they are, with no escapes for HTML.
func encodeApp(a App) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(a)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// maxSecretBytes is far above the 24 bytes of JPush's master secrets.
const maxSecretBytes = 1024

// created returns the answer to a create, if it fits the request. An is_new_created that is
// missing or has another type counts as false, which is the safe side: the app may be somebody
// else's. A retry would return the same key and package, so an error here is of [ClassApp].
func (c *Client) created(cl call, app App, b responseBody) (Created, error) {
	key, secret, name := text(b.AppKey), text(b.MasterSecret), text(b.AndroidPackage)
	if len(secret) > maxSecretBytes {
		secret = "" // no record takes it, and the key must not be lost with it
	}
	e := &Error{Status: http.StatusOK, Sent: true, Class: ClassApp}
	if !ValidAppKey(key) {
		e.Condition, e.Err = BrokenKey, fmt.Errorf("app_key %q", key)
		return Created{}, c.fail(cl, e)
	}
	if !absent(b.AndroidPackage) && name != app.AndroidPackage {
		e.Condition = OtherPackage
		e.Err = fmt.Errorf("asked for %s, answered with app_key %s of %s", app.AndroidPackage, key, b.AndroidPackage)
		return Created{}, c.fail(cl, e)
	}
	isNew, _ := strconv.ParseBool(strings.Trim(string(b.IsNew), `"`))
	return Created{AppKey: key, MasterSecret: secret, IsNew: isNew}, nil
}

// DeleteApp deletes an app for good, with the devices that are registered to it.
func (c *Client) DeleteApp(ctx context.Context, appKey string) error {
	return c.doApp(ctx, call{op: OpDelete, target: "app " + appKey}, appKey, "delete")
}

// UploadCertificate uploads an app's push certificate for one environment and replaces the
// one that was there. If the server has this certificate already, the error is of
// [ClassConverged].
func (c *Client) UploadCertificate(ctx context.Context, appKey string, cert Certificate) error {
	cl := call{op: OpUpload, target: fmt.Sprintf("%s certificate of app %s", cert.Environment, appKey), secret: cert.Password}
	var err error
	if cl.body, cl.contentType, err = encodeCertificate(cert); err != nil {
		return c.badArgument(cl, err)
	}
	err = c.doApp(ctx, cl, appKey, "certificate")
	if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeNoCertificateFile {
		e.Err = fmt.Errorf("sent were %d bytes of %q in a form of %d bytes, as %sCertificateFile and %[4]sCertificatePassword",
			len(cert.Data), baseName(cert.Filename), len(cl.body), partPrefixes[cert.Environment])
	}
	return err
}

// Probe checks the credentials and changes nothing: it creates an app without a name, which
// the API refuses only after it has checked the credentials.
func (c *Client) Probe(ctx context.Context) error {
	cl := call{op: OpProbe, target: "credentials", path: []string{"app"}, body: []byte("{}"), contentType: "application/json"}
	_, err := c.do(ctx, cl)
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return c.fail(cl, &Error{Status: http.StatusOK, Sent: true, Condition: NotAnAnswer, Class: ClassStop,
			Err: errors.New("an app without a name was accepted")})
	case ok && (e.Code == CodeParamsEmpty || e.Code == CodeParamsInvalid):
		return nil
	}
	return err
}

// CloseIdleConnections closes the connections that no request uses.
func (c *Client) CloseIdleConnections() {
	(&http.Client{Transport: c.transport}).CloseIdleConnections()
}
