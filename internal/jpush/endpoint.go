package jpush

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// DefaultEndpoint is the Admin API's address as its documents give it.
const DefaultEndpoint = "https://admin.jpush.cn/v1/"

// NormalizeEndpoint checks an endpoint and gives it the one form under which it is
// compared and recorded: scheme and host in lower case, no default port, a trailing slash,
// /v1/ where it names no path.
//
// Plain http is for loopback alone (127.0.0.0/8, ::1, localhost and names under it, which
// RFC 6761 reserves), since the credentials travel in a header. User information, a query
// or a fragment make no sense in an endpoint and are refused; no error repeats them.
func NormalizeEndpoint(endpoint string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(endpoint))
	if err != nil {
		// url's own error quotes the input, password and all.
		return "", errors.New("the endpoint is not a URL; write it like " + DefaultEndpoint)
	}
	if u.User != nil {
		return "", errors.New("the endpoint carries user information; leave it out, credentials have their own settings")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(endpoint, "#") {
		return "", errors.New("the endpoint carries a query or a fragment; leave it out")
	}
	host := strings.ToLower(u.Hostname())
	if host == "" || u.Opaque != "" {
		return "", fmt.Errorf("endpoint %q names no host; write it like %s", endpoint, DefaultEndpoint)
	}
	scheme := strings.ToLower(u.Scheme)
	switch {
	case scheme == "https":
	case scheme == "http" && isLoopback(host):
	case scheme == "http":
		return "", fmt.Errorf("endpoint %q is plain http, which would send the credentials in the clear; use https (http is for loopback only)", endpoint)
	default:
		return "", fmt.Errorf("endpoint %q has scheme %q; use https", endpoint, u.Scheme)
	}
	port := u.Port()
	if strings.HasSuffix(u.Host, ":") {
		return "", fmt.Errorf("endpoint %q ends its host with a colon but names no port", endpoint)
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
		return "", fmt.Errorf("endpoint %q has port %s; ports go from 1 to 65535", endpoint, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && !(scheme == "https" && port == "443") && !(scheme == "http" && port == "80") {
		host += ":" + port
	}
	path := u.EscapedPath()
	if path == "" || path == "/" {
		path = "/v1/"
	}
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return scheme + "://" + host + path, nil
}

// isLoopback takes a host without port and brackets, in lower case.
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
