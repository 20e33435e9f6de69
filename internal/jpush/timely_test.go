package jpush

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// overdue has a deadline that is over, and a timer that has not fired yet.
type overdue struct{ context.Context }

func (overdue) Deadline() (time.Time, bool) { return time.Now().Add(-time.Second), true }

func TestNothingIsSentAfterTheDeadline(t *testing.T) {
	_, err := io.ReadAll(&timely{overdue{t.Context()}, strings.NewReader("body")})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	body, err := io.ReadAll(&timely{t.Context(), strings.NewReader("body")})
	require.NoError(t, err)
	require.Equal(t, "body", string(body))
}
