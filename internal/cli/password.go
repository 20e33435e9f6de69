package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"jpsync/manifest"
)

// passwordFlags say where a password is. None of them takes one.
type passwordFlags struct {
	PasswordEnv   string `placeholder:"NAME" help:"The environment variable that holds the password."`
	PasswordFile  string `placeholder:"FILE" help:"The file that holds the password; one newline at its end is dropped."`
	PasswordStdin bool   `help:"Read the password from standard input; one newline at its end is dropped."`
}

// Validate refuses several places for one password.
func (p passwordFlags) Validate() error {
	if p.PasswordEnv != "" && p.PasswordFile != "" || p.PasswordStdin && p.PasswordEnv+p.PasswordFile != "" {
		return errors.New("one password is in one place: choose between --password-env, --password-file and --password-stdin")
	}
	return nil
}

// given reports whether any of the flags is there.
func (p passwordFlags) given() bool {
	return p.PasswordEnv != "" || p.PasswordFile != "" || p.PasswordStdin
}

// read resolves the flags.
func (p passwordFlags) read(t *terminal) (string, error) {
	password, err := p.find(t)
	return password, err
}

func (p passwordFlags) find(t *terminal) (string, error) {
	switch {
	case p.PasswordEnv != "":
		value, ok := os.LookupEnv(p.PasswordEnv)
		if !ok {
			return "", fmt.Errorf("--password-env: the environment variable %s is not set", p.PasswordEnv)
		}
		return value, nil
	case p.PasswordStdin:
		data, err := io.ReadAll(io.LimitReader(t.In, manifest.MaxSecretBytes))
		if err != nil {
			return "", fmt.Errorf("--password-stdin: %w", err)
		}
		return withoutNewline(string(data)), nil
	}
	data, err := readFile(p.PasswordFile, manifest.MaxSecretBytes)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	return withoutNewline(string(data)), nil
}

func withoutNewline(s string) string {
	if cut, ok := strings.CutSuffix(s, "\n"); ok {
		return strings.TrimSuffix(cut, "\r")
	}
	return s
}
