package jpush

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// DefaultDeviceEndpoint is the Device API's address as its documents give it.
const DefaultDeviceEndpoint = "https://device.jpush.cn/v3/"

// NormalizeDeviceEndpoint is [NormalizeEndpoint] for the Device API, with /v3/ where there is
// no path.
func NormalizeDeviceEndpoint(endpoint string) (string, error) { return normalize(endpoint, "/v3/") }

// Devices asks the Device API, where an app's key pair is the credentials. It is safe for
// concurrent use.
type Devices struct{ options Options }

// NewDevices checks the options, of which DevKey and DevSecret are not used. An empty Endpoint
// is [DefaultDeviceEndpoint]. It opens no connection.
func NewDevices(o Options) (*Devices, error) {
	if o.Endpoint == "" {
		o.Endpoint = DefaultDeviceEndpoint
	}
	var err error
	if o.Endpoint, err = NormalizeDeviceEndpoint(o.Endpoint); err != nil {
		return nil, err
	}
	base, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", o.Endpoint, err)
	}
	if o.MaxConns <= 0 {
		o.MaxConns = defaultMaxConns
	}
	if o.Transport == nil {
		o.Transport = newTransport(base, o.MaxConns)
	}
	return &Devices{o}, nil
}

// Verify asks for an app's tags with its own key pair, which changes nothing. The answer tells
// whether the app is there and the master secret is the present one, and nothing else about
// the app. When it refuses the pair, the error has the condition [PairRefused]; nobody can
// tell then which of the two is the reason.
func (d *Devices) Verify(ctx context.Context, appKey, masterSecret string) error {
	cl := call{op: OpVerify, target: "app " + appKey, method: http.MethodGet, path: []string{"tags/"}}
	o := d.options
	o.DevKey, o.DevSecret = appKey, masterSecret
	c, err := New(o)
	if err != nil {
		return &Error{Op: cl.op, Target: printable(cl.target), Condition: BadArgument, Class: ClassApp, Err: err}
	}
	_, err = c.do(ctx, cl)
	return err
}

// Endpoint returns the address of the API.
func (d *Devices) Endpoint() string { return d.options.Endpoint }

// CloseIdleConnections closes the connections that no request uses.
func (d *Devices) CloseIdleConnections() {
	if t, ok := d.options.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
