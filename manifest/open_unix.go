//go:build unix

package manifest

import "syscall"

// nonblock keeps an open of a FIFO from waiting for somebody to write to it.
const nonblock = syscall.O_NONBLOCK
