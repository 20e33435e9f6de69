package cli

import (
	"errors"
	"strconv"

	"jpsync/executor"
)

// mostParallel is more connections than any service likes.
const mostParallel = 256

// parallelism is how many requests may be in flight at once: a number, or whatever turns out
// to be good.
type parallelism struct {
	n    int // 0 with auto
	auto bool
}

// UnmarshalText reads a number or auto.
func (p *parallelism) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*p = parallelism{auto: true}
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > mostParallel {
		return errors.New("--parallelism takes 1 to 256, or auto")
	}
	*p = parallelism{n: n}
	return nil
}

// most is how many connections there may be.
func (p parallelism) most() int {
	if p.auto {
		return executor.AdaptiveMost
	}
	return p.n
}
