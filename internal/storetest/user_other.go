//go:build !unix

package storetest

import "os/exec"

// Without Unix there is no root to give up.
func giveUpRoot(*exec.Cmd) {}

func giveToPostgres(string) error { return nil }
