package jpush

import (
	"context"
	"net/http"
)

// DefaultDeviceEndpoint is the Device API's address as its documents give it.
const DefaultDeviceEndpoint = "https://device.jpush.cn/v3/"

// Devices asks the Device API, where an app's key pair is the credentials. It is safe for
// concurrent use.
type Devices struct{ client *Client } // without credentials

// NewDevices checks the options, of which DevKey and DevSecret are not used. An empty Endpoint
// is [DefaultDeviceEndpoint], and one without a path gets /v3/. It opens no connection.
func NewDevices(o Options) (*Devices, error) {
	c, err := newClient(o, DefaultDeviceEndpoint, "/v3/")
	if err != nil {
		return nil, err
	}
	return &Devices{c}, nil
}

// Verify asks for an app's tags with its own key pair, which changes nothing. The answer tells
// whether the app is there and the master secret is the present one, and nothing else about
// the app. When it refuses the pair, the error has the condition [PairRefused]; nobody can
// tell then which of the two is the reason. Errors are of type [*Error] and contain neither
// half of the pair.
func (d *Devices) Verify(ctx context.Context, appKey, masterSecret string) error {
	c := d.withPair(appKey, masterSecret)
	cl := call{op: OpVerify, target: "key pair", method: http.MethodGet, path: []string{"tags/"}, secret: appKey}
	if err := checkPair("app key", appKey, "master secret", masterSecret); err != nil {
		return c.badArgument(cl, err)
	}
	_, err := c.do(ctx, cl)
	return err
}

// withPair returns a client of its own for the pair, since a 401 ends a client: it says nothing
// about the other pairs.
func (d *Devices) withPair(appKey, masterSecret string) *Client {
	c := d.client
	return &Client{
		base: c.base, devKey: appKey, devSecret: masterSecret,
		userAgent: c.userAgent, timeout: c.timeout, transport: c.transport, large: c.large,
	}
}

// Endpoint returns the address of the API.
func (d *Devices) Endpoint() string { return d.client.base.String() }

// CloseIdleConnections closes the connections that no request uses.
func (d *Devices) CloseIdleConnections() { d.client.CloseIdleConnections() }
