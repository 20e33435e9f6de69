package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// dialect is how a service wants to be told that an object must not exist yet.
type dialect struct {
	condition, value string // a header
	// experimental services do not document that one of many racing creates wins.
	experimental string // the service's name; empty for those that do
}

const (
	ossDomain = ".aliyuncs.com"
	cosDomain = ".myqcloud.com"
)

func dialectOf(host string) dialect {
	switch {
	case strings.HasSuffix(host, ossDomain):
		// OSS answers NotImplemented to If-None-Match.
		return dialect{condition: "X-Oss-Forbid-Overwrite", value: "true", experimental: "Aliyun OSS"}
	case strings.HasSuffix(host, cosDomain):
		return dialect{condition: "X-Cos-Forbid-Overwrite", value: "true", experimental: "Tencent COS"}
	}
	return dialect{condition: "If-None-Match", value: "*"}
}

// Experimental implements [shared.Checker].
func (p *Place) Experimental() string { return p.dialect.experimental }

// Check implements [shared.Checker]: OSS and COS ignore their header in a bucket that has
// versions.
func (p *Place) Check(ctx context.Context) error {
	if p.dialect.experimental == "" {
		return nil
	}
	versioned, err := p.Versioned(ctx)
	if err != nil {
		return fmt.Errorf("whether the bucket has versions cannot be told, and %s ignores conditions in one that has: %w", p.dialect.experimental, err)
	}
	if versioned {
		return errors.New(p.dialect.experimental + " ignores conditions in a bucket that has, or had, versions: use a bucket without")
	}
	return nil
}
