package s3

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"jpsync/state/shared"
)

// Limits of a listing.
const (
	maxPage  = 64 << 20 // of one page, in bytes
	maxPages = 1000     // a page has a thousand objects
)

// listing is the answer to a ListObjectsV2.
type listing struct {
	XMLName  xml.Name `xml:"ListBucketResult"` // a page of HTML is no empty bucket
	Contents []struct {
		Key          string
		Size         int64
		LastModified time.Time
	}
	IsTruncated           bool
	NextContinuationToken string
}

// List implements [shared.Place].
func (p *Place) List(ctx context.Context, prefix, after string) (entries []shared.Entry, clock time.Time, err error) {
	query := url.Values{"list-type": {"2"}, "prefix": {p.key(prefix)}}
	if after != "" {
		query.Set("start-after", p.key(after))
	}
	for range maxPages {
		page, date, err := p.page(ctx, query)
		if err != nil {
			return nil, time.Time{}, err
		}
		if clock.IsZero() {
			clock = date
		}
		if entries, err = p.add(entries, page, prefix, after); err != nil {
			return nil, time.Time{}, err
		}
		token := page.NextContinuationToken
		switch {
		case !page.IsTruncated:
			slices.SortFunc(entries, func(a, b shared.Entry) int { return cmp.Compare(a.Name, b.Name) })
			return entries, clock, nil
		case token == "" || token == query.Get("continuation-token"):
			return nil, time.Time{}, errors.New("list: the store says that there is more, and not where: use another one, see docs/state.md")
		}
		query.Set("continuation-token", token)
	}
	return nil, time.Time{}, fmt.Errorf("list: the listing has no end after %d pages: use another store, see docs/state.md", maxPages)
}

// add appends a page's objects. Some stores ignore start-after, and a console makes an
// object of a folder's name.
func (p *Place) add(entries []shared.Entry, page listing, prefix, after string) ([]shared.Entry, error) {
	base := p.key("")
	for _, o := range page.Contents {
		name, ok := strings.CutPrefix(o.Key, base)
		if !ok || !strings.HasPrefix(name, prefix) || name == prefix || name <= after {
			continue
		}
		if o.LastModified.IsZero() {
			return nil, fmt.Errorf("list: the store does not say when %s was created, so nobody could tell when a lease ends: use another store, see docs/state.md", name)
		}
		entries = append(entries, shared.Entry{Name: name, Size: o.Size, Time: o.LastModified})
	}
	return entries, nil
}

func (p *Place) page(ctx context.Context, query url.Values) (page listing, date time.Time, err error) {
	res, err := p.do(ctx, request{op: opList, method: http.MethodGet, query: query})
	if err != nil {
		return page, date, err
	}
	defer res.Body.Close()
	if date, err = http.ParseTime(res.Header.Get("Date")); err != nil {
		return page, date, errors.New("list: the store does not say what time it is, so nobody could tell when a lease ends: it sends no Date header, or a proxy takes it out")
	}
	return page, date, decode(res, opList, maxPage, &page)
}

// decode reads an answer in XML of at most so many bytes. An answer that was cut may be
// whole the next time; one that is something else is not the store's.
func decode(res *http.Response, op string, most int64, into any) error {
	err := xml.NewDecoder(io.LimitReader(res.Body, most)).Decode(into)
	if err == nil {
		return nil
	}
	syntax, isSyntax := errors.AsType[*xml.SyntaxError](err)
	_, isUnmarshal := errors.AsType[xml.UnmarshalError](err)
	if isUnmarshal || isSyntax && !strings.Contains(syntax.Msg, "unexpected EOF") {
		return &Error{Op: op, Status: res.StatusCode, Code: codeNotS3}
	}
	return &shared.UnavailableError{Err: fmt.Errorf("%s: the answer was cut off: %w", op, err)}
}
