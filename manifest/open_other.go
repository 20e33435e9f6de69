//go:build !unix

package manifest

// nonblock is nothing where the file system has no FIFOs.
const nonblock = 0
