//go:build unix

package storetest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// giveUpRoot makes a command run as the user postgres where this process is root.
func giveUpRoot(cmd *exec.Cmd) {
	if u := postgresUser(); u != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u}
	}
}

// giveToPostgres makes the user of [giveUpRoot] the owner of a directory.
func giveToPostgres(dir string) error {
	if u := postgresUser(); u != nil {
		return os.Chown(dir, int(u.Uid), int(u.Gid))
	}
	return nil
}

func postgresUser() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
