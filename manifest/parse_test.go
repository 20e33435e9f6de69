package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// panicker stands for whatever makes the YAML package panic.
type panicker struct{ what string }

func (p panicker) Read([]byte) (int, error) { panic(p.what) }

func TestPanicIsAnError(t *testing.T) {
	docs, err := decodeFrom(panicker{"near `hunter2`"})
	assert.Nil(t, docs)
	assert.Equal(t, errPanic, err)
	at, message := explain(err, []byte("version: 1\n"))
	assert.Equal(t, Position{Line: 1, Column: 1}, at)
	assert.Equal(t, "the YAML in this file is beyond what can be read", message)
}

func TestPositionString(t *testing.T) {
	assert.Equal(t, "a/m.yaml:3:7", Position{"a/m.yaml", 3, 7}.String())
	assert.Equal(t, "a/m.yaml", Position{File: "a/m.yaml"}.String())
	assert.Empty(t, Position{}.String())
	assert.Equal(t, "no place", Error{Message: "no place"}.Error())
}

func TestCheckEnv(t *testing.T) {
	for _, name := range []string{"A", "_", "P12_PASSWORD", "P_cn.example.shop", "P_my-app", "P_商城", "a1"} {
		assert.Empty(t, checkEnv(name), name)
	}
	for _, name := range []string{"", "1A", "A B", "A=B", "$A", "A!", "-A", "A\n", "A/B", string(make([]byte, 300))} {
		assert.NotEmpty(t, checkEnv(name), name)
	}
}
