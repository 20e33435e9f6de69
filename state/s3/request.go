package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/minio/minio-go/v7/pkg/signer"

	"jpsync/state/shared"
)

// request is one request to the store. Without a name it is about the bucket.
type request struct {
	op, method string
	name       string
	query      url.Values
	header     http.Header
	body       []byte
}

// do sends a request, once, and returns the answer if it is a success.
func (p *Place) do(ctx context.Context, r request) (*http.Response, error) {
	u := p.url(r.name)
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, r.header)
	req.Header.Set("X-Amz-Content-Sha256", fmt.Sprintf("%x", sha256.Sum256(r.body)))
	if req, err = p.sign(ctx, req); err != nil {
		return nil, err
	}
	res, err := p.client.Do(req)
	if err != nil {
		return nil, networkFailure(r.op, r.name, err)
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		return nil, failure(r.op, r.name, res)
	}
	return res, nil
}

// sign adds the signature of AWS, version 4. Credentials that were found once are temporary ones when
// they are looked for again, and the service that gives them may answer the next time.
func (p *Place) sign(ctx context.Context, req *http.Request) (*http.Request, error) {
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	value, err := p.credentials.GetWithContext(&credentials.CredContext{Client: p.client, Context: ctx})
	if err != nil || value.SignerType == credentials.SignatureAnonymous || value.AccessKeyID == "" {
		missing := &Error{Op: "find credentials", Code: codeNoCredentials}
		if err != nil {
			missing.Message = clean(cause(err).Error())
		}
		if p.found.Load() {
			missing.Message = cmp.Or(missing.Message, "the temporary ones could not be renewed")
			return nil, &shared.UnavailableError{Err: missing}
		}
		return nil, missing
	}
	p.found.Store(true)
	return signer.SignV4(*req, value.AccessKeyID, value.SecretAccessKey, value.SessionToken, p.location.Region), nil
}

// key is an object's name in the bucket.
func (p *Place) key(name string) string {
	if p.location.Prefix == "" {
		return name
	}
	return p.location.Prefix + "/" + name
}

func (p *Place) url(name string) *url.URL {
	u := *p.location.Endpoint
	u.Path = "/"
	if p.location.PathStyle {
		u.Path += p.location.Bucket + "/"
	} else {
		u.Host = p.location.Bucket + "." + u.Host
	}
	if name != "" {
		u.Path += p.key(name)
	}
	u.RawPath = s3utils.EncodePath(u.Path)
	return &u
}

// drain reads an answer to its end, so that the connection can be used again.
func drain(res *http.Response) error {
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	return res.Body.Close()
}
