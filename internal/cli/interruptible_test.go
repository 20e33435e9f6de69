package cli

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/manifest"
	"jpsync/planner"
)

// counted is an inspector that counts what it is asked.
type counted struct{ asked int }

func (c *counted) Read(manifest.Certificate) (planner.Inspection, error) {
	c.asked++
	return planner.Inspection{}, nil
}

func (c *counted) Inspect(manifest.Certificate, string) (planner.Inspection, error) {
	c.asked++
	return planner.Inspection{}, nil
}

func TestAnInterruptReadsNoMoreCertificates(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	under := &counted{}
	in := interruptible{under, ctx.Err}
	_, err := in.Inspect(manifest.Certificate{}, "")
	require.NoError(t, err)
	_, err = in.Read(manifest.Certificate{})
	require.NoError(t, err)
	cancel()
	_, err = in.Inspect(manifest.Certificate{}, "")
	require.ErrorIs(t, err, context.Canceled)
	_, err = in.Read(manifest.Certificate{})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 2, under.asked)
}
