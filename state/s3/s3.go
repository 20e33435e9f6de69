// Package s3 is a [shared.Place] in a bucket, by the Amazon S3 API. Five plain requests are
// all it makes: a conditional PUT, a listing, a GET, a DELETE of several, and a look at the
// bucket's versioning.
//
//	location, err := s3.FromEnvironment("s3://release/jpsync?region=eu-central-1")
//	store, err := shared.New(s3.New(location), lease)
//
// A PUT is always one request with its condition. A client that splits large bodies into
// parts would drop the condition, and one that retries on its own would take its own write,
// whose answer was lost, for somebody else's.
package s3

import (
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"jpsync/state/shared"
)

// The operations, as errors name them.
const (
	opCreate     = "create"
	opList       = "list"
	opRead       = "read"
	opRemove     = "remove"
	opVersioning = "read the versioning of the bucket"
)

// credentialsTimeout bounds the search for credentials: outside of AWS nobody answers at the
// address of the instance's metadata.
const credentialsTimeout = 5 * time.Second

// Place is a [shared.Place] in a bucket.
type Place struct {
	location    Location
	dialect     dialect
	client      *http.Client
	credentials *credentials.Credentials
	found       atomic.Bool // there were credentials
}

// New returns the place at a location. Credentials come from the environment, by the
// conventions of AWS: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, web identity,
// the role of a container or an instance (unless AWS_EC2_METADATA_DISABLED is true).
func New(location Location) *Place {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.DisableCompression = true
	transport.MaxIdleConnsPerHost = 32
	transport.ResponseHeaderTimeout = 30 * time.Second
	providers := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if !strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") || roleGiven() {
		providers = append(providers, &credentials.IAM{Region: location.Region})
	}
	return &Place{
		location: location,
		dialect:  dialectOf(location.Endpoint.Hostname()),
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		credentials: credentials.NewChainCredentials(providers),
	}
}

// roleGiven reports whether the environment names a role by other means than the metadata of
// the instance.
func roleGiven() bool {
	roles := []string{"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}
	return slices.ContainsFunc(roles, func(name string) bool { return os.Getenv(name) != "" })
}

// Location implements [shared.Place].
func (p *Place) Location() string { return p.location.String() }

// Create implements [shared.Place].
func (p *Place) Create(ctx context.Context, name string, body []byte) error {
	header := http.Header{p.dialect.condition: {p.dialect.value}, "Content-Type": {"application/json"}}
	res, err := p.do(ctx, request{op: opCreate, method: http.MethodPut, name: name, header: header, body: body})
	if err != nil {
		return err
	}
	if res.Header.Get("Etag") == "" {
		defer res.Body.Close()
		return &Error{Op: opCreate, Name: name, Status: res.StatusCode, Code: codeNotS3}
	}
	return drain(res)
}

// Read implements [shared.Place].
func (p *Place) Read(ctx context.Context, name string) ([]byte, error) {
	res, err := p.do(ctx, request{op: opRead, method: http.MethodGet, name: name})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, shared.MaxObject+1))
	if err != nil {
		return nil, &shared.UnavailableError{Err: fmt.Errorf("read %s: %w", name, err)}
	}
	if len(body) > shared.MaxObject {
		return nil, fmt.Errorf("read %s: it has more than %d bytes", name, shared.MaxObject)
	}
	return body, nil
}

// mostRemoved is how many objects one request may remove.
const mostRemoved = 1000

// Remove implements [shared.Place].
func (p *Place) Remove(ctx context.Context, names ...string) error {
	for some := range slices.Chunk(names, mostRemoved) {
		if err := p.remove(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (p *Place) remove(ctx context.Context, names []string) error {
	type object struct{ Key string }
	var list struct {
		XMLName xml.Name `xml:"Delete"`
		Object  []object
		Quiet   bool
	}
	list.Quiet = true
	for _, name := range names {
		list.Object = append(list.Object, object{p.key(name)})
	}
	body, err := xml.Marshal(list)
	if err != nil {
		return err
	}
	sum := md5.Sum(body) // the API asks for it
	header := http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}, "Content-Type": {"application/xml"}}
	res, err := p.do(ctx, request{op: opRemove, method: http.MethodPost, query: url.Values{"delete": {""}}, body: body, header: header})
	if err != nil {
		return err
	}
	return drain(res)
}

// Versioned reports whether the bucket has versions, or had.
func (p *Place) Versioned(ctx context.Context) (bool, error) {
	res, err := p.do(ctx, request{op: opVersioning, method: http.MethodGet, query: url.Values{"versioning": {""}}})
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	var told struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		Status  string
	}
	if err := decode(res, opVersioning, 64<<10, &told); err != nil {
		return false, err
	}
	return told.Status != "", nil
}
