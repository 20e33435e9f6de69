package jpush

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzText holds the short way of reading a JSON string to the long one.
func FuzzText(f *testing.F) {
	for _, s := range []string{`""`, `"key"`, `"a\"b"`, `"\u0061"`, `"商城"`, "\"\xff\"", `"\ud800"`, "\"\x7f\"", `"`, `1`, `null`, `{"a":"b"}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // a RawMessage is valid
		}
		var message json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &message))
		var want string
		if len(message) == 0 || message[0] != '"' || json.Unmarshal(message, &want) != nil {
			want = ""
		}
		require.Equal(t, want, text(message))
	})
}
