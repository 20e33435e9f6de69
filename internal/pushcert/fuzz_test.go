package pushcert

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzInspect holds for any bytes and any password that Inspect ends with a certificate or
// with an error that says what to do, and that both of it agree.
func FuzzInspect(f *testing.F) {
	for _, file := range killers(f) {
		f.Add(file, "x")
	}
	for _, r := range readable {
		if r.name == slowFixture {
			continue // slow to mutate
		}
		data := fixture(f, r.name)
		f.Add(data, r.password)
		f.Add(data[:len(data)/2], r.password)
		f.Add(toBER(f, data), r.password)
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----"), "")
	f.Add([]byte{0x30, 0x80}, "密码")
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		cert, err := Inspect(data, password)
		if err == nil {
			require.True(t, cert.HasKey && cert.KeyMatches)
			require.Len(t, cert.Fingerprint, 64)
			return
		}
		e, ok := err.(*Error)
		require.True(t, ok, "%T", err)
		require.Contains(t, remedies, e.Kind)
		require.NotEmpty(t, e.Message)
		require.NotEmpty(t, e.Remedy)
		if cert != nil {
			require.Contains(t, []Kind{NoKey, KeyMismatch}, e.Kind)
			require.False(t, cert.KeyMatches)
		}
	})
}

// FuzzToDER holds that what the normaliser writes is normal: writing it again changes
// nothing.
func FuzzToDER(f *testing.F) {
	f.Add(toBER(f, fixture(f, "legacy-ec")))
	f.Add([]byte{0x24, 0x80, 4, 1, 'a', 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		der, err := toDER(data)
		if err != nil {
			return
		}
		again, err := toDER(der)
		require.NoError(t, err)
		require.Equal(t, der, again)
	})
}
