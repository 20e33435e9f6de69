package s3

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Scheme begins every location of this package.
const Scheme = "s3"

// Location is a place in a bucket, as s3://BUCKET/PREFIX?endpoint=URL&region=R names it.
type Location struct {
	Bucket string
	Prefix string // without slashes at its ends; may be empty
	// Endpoint is the service's base URL. Without an endpoint parameter, and without
	// AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL, it is that of AWS in the region.
	Endpoint *url.URL
	Region   string // the parameter, else AWS_REGION, AWS_DEFAULT_REGION, us-east-1
	// PathStyle puts the bucket into the path instead of the host name. It is on for all but
	// AWS, Aliyun OSS and Tencent COS, and path_style=true or false decides otherwise.
	PathStyle bool

	text string // as given
}

// String returns the location as it was given. It holds no secret: [Parse] refuses one that does.
func (l Location) String() string { return l.text }

// Parse reads a location. Errors do not repeat it where it may hold a secret.
func Parse(location string, getenv func(string) string) (Location, error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != Scheme {
		return Location{}, errors.New("the state's location is not of the form s3://BUCKET/PREFIX?endpoint=URL&region=R")
	}
	if u.User != nil {
		return Location{}, errSecret
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Location{}, errors.New("the state's location has parameters that cannot be read: they look like endpoint=URL&region=R")
	}
	for name, values := range query {
		switch {
		case !slices.Contains([]string{"endpoint", "region", "path_style"}, name):
			return Location{}, errors.New("unknown parameter in the state's location: endpoint, region and path_style are known; credentials come from the environment")
		case len(values) > 1:
			return Location{}, fmt.Errorf("duplicate parameter %q in the state's location", name)
		}
	}
	l := Location{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), text: location}
	l.Region = cmp.Or(query.Get("region"), getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"), "us-east-1")
	if err := l.check(u.Fragment); err != nil {
		return Location{}, err
	}
	endpoint := cmp.Or(query.Get("endpoint"), getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL"), awsEndpoint(l.Region))
	if l.Endpoint, err = parseEndpoint(endpoint); err != nil {
		return Location{}, err
	}
	l.PathStyle = !virtualHosts(l.Endpoint.Hostname()) || strings.Contains(l.Bucket, ".")
	switch style := query.Get("path_style"); style {
	case "":
	case "true", "false":
		l.PathStyle = style == "true"
	default:
		return Location{}, errors.New("invalid path_style in the state's location: it takes true or false")
	}
	return l, nil
}

// maxBucketName is how long a bucket's name may be.
const maxBucketName = 255

// Names as every store takes them. A key pair that was put in their place does not fit. The
// length of a bucket's is checked apart: a count in an expression takes long to compile.
var (
	bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]+$`)
	regionName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

func (l Location) check(fragment string) error {
	switch {
	case l.Bucket == "":
		return errors.New("the state's location names no bucket: it is of the form s3://BUCKET/PREFIX")
	case len(l.Bucket) > maxBucketName, !bucketName.MatchString(l.Bucket):
		return errors.New("the state's location has an invalid bucket name: it takes letters, digits, hyphens and dots; credentials come from the environment")
	case fragment != "":
		return errors.New("the state's location has a # in it: write %23 where it belongs to the prefix")
	case !regionName.MatchString(l.Region):
		return errors.New("the region of the state's bucket is invalid: it is a name such as eu-central-1")
	case strings.ContainsFunc(l.Prefix, unicode.IsControl):
		return errors.New("the prefix in the state's location has control characters")
	case l.Prefix != "" && "/"+l.Prefix != path.Clean("/"+l.Prefix):
		return errors.New("the prefix in the state's location has an empty part, a . or a ..: use a plain path")
	}
	return nil
}

// FromEnvironment is [Parse] with this process's environment.
func FromEnvironment(location string) (Location, error) { return Parse(location, os.Getenv) }

var errSecret = errors.New("the state's location holds a user name or a password, which ends up in logs: " +
	"take it out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile or a role")

func awsEndpoint(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "https://s3." + region + ".amazonaws.com.cn"
	}
	return "https://s3." + region + ".amazonaws.com"
}

// parseEndpoint reads a base URL. Plain http goes to loopback only: the requests carry
// master secrets.
func parseEndpoint(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return nil, errors.New("the endpoint of the state's bucket is not of the form https://HOST[:PORT]")
	case u.User != nil:
		return nil, errSecret
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	case u.Scheme == "http":
		return nil, errors.New("the endpoint of the state's bucket is plain http, and the state holds master secrets: use https")
	default:
		return nil, errors.New("the endpoint of the state's bucket is neither https nor http: use https")
	}
	u.Path = ""
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// virtualHosts tells the services that want the bucket in the host name.
func virtualHosts(host string) bool {
	domains := []string{".amazonaws.com", ".amazonaws.com.cn", ossDomain, cosDomain}
	return slices.ContainsFunc(domains, func(domain string) bool { return strings.HasSuffix(host, domain) })
}
