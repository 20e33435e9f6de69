package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPositionString(t *testing.T) {
	assert.Equal(t, "a/m.yaml:3:7", Position{"a/m.yaml", 3, 7}.String())
	assert.Equal(t, "a/m.yaml", Position{File: "a/m.yaml"}.String())
	assert.Empty(t, Position{}.String())
	assert.Equal(t, "no place", Error{Message: "no place"}.Error())
}
