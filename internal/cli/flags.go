package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"time"

	"jpsync/executor"
	"jpsync/manifest"
)

// limit is a manifest.Limit as a flag.
type limit struct{ manifest.Limit }

// UnmarshalText reads N or P%.
func (l *limit) UnmarshalText(text []byte) (err error) {
	if l.Limit, err = manifest.ParseLimit(string(text)); err != nil {
		return fmt.Errorf("%q %w", text, err)
	}
	return nil
}

// span is a length of time as a flag, days included.
type span time.Duration

// UnmarshalText reads what policy.renew_before takes.
func (s *span) UnmarshalText(text []byte) error {
	d, err := manifest.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q %w", text, err)
	}
	*s = span(d)
	return nil
}

// maxParallelism bounds --parallelism: each request in flight has a connection of its own.
const maxParallelism = 256

// parallelism is how many requests may be in flight at once: a number, or auto.
type parallelism struct {
	most int
	auto bool // fewer, as the service has it
}

// UnmarshalText reads a number or auto.
func (p *parallelism) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*p = parallelism{most: executor.AdaptiveMost, auto: true}
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxParallelism {
		return errors.New("--parallelism takes 1 to 256, or auto")
	}
	*p = parallelism{most: n}
	return nil
}

// sending are the flags of a command that sends requests.
type sending struct {
	Parallelism parallelism   `default:"4" placeholder:"N|auto" help:"How many requests may be in flight at once (${default}); auto starts with 4 and adapts to the service, up to 64."`
	Rate        float64       `placeholder:"N" help:"The most requests per second; the default is no limit."`
	MaxAttempts int           `default:"5" placeholder:"N" help:"How many times a request is tried (${default})."`
	Timeout     time.Duration `default:"60s" placeholder:"DURATION" help:"How long to wait for each answer (${default})."`
	Drain       time.Duration `default:"8s" placeholder:"DURATION" help:"How long to wait for the requests in flight after an interrupt (${default})."`
}

// check refuses flags that make no sense.
func (s *sending) check() error {
	switch {
	case !(s.Rate >= 0) || math.IsInf(s.Rate, 0): // also NaN
		return errors.New("--rate takes requests per second, 0 for no limit")
	case s.MaxAttempts < 1:
		return errors.New("--max-attempts takes 1 or more")
	case s.Timeout <= 0:
		return errors.New("--timeout takes a duration such as 60s")
	case s.Drain <= 0:
		return errors.New("--drain takes a duration such as 8s")
	}
	return nil
}

func (s *sending) options() executor.Options {
	return executor.Options{Parallelism: s.Parallelism.most, Adaptive: s.Parallelism.auto, Rate: s.Rate, MaxAttempts: s.MaxAttempts, Drain: s.Drain}
}

// passwordFlags say where a password is. None of them takes the password itself.
type passwordFlags struct {
	PasswordEnv   string `placeholder:"NAME" help:"The environment variable that holds the password."`
	PasswordFile  string `placeholder:"FILE" help:"The file that holds the password; one newline at its end is dropped."`
	PasswordStdin bool   `help:"Read the password from standard input; one newline at its end is dropped."`
}

// Validate refuses more than one of the flags. An empty one, of a variable that is not set, is none.
func (p passwordFlags) Validate() error {
	if p.PasswordEnv != "" && p.PasswordFile != "" || p.PasswordStdin && p.PasswordEnv+p.PasswordFile != "" {
		return errors.New("give one of --password-env, --password-file and --password-stdin, not several")
	}
	return nil
}

// given reports whether one of the flags is given.
func (p passwordFlags) given() bool {
	return p.PasswordEnv != "" || p.PasswordFile != "" || p.PasswordStdin
}

// read returns the password.
func (p passwordFlags) read(t *terminal) (string, error) {
	switch {
	case p.PasswordEnv != "":
		value, ok := os.LookupEnv(p.PasswordEnv)
		if !ok {
			return "", fmt.Errorf("--password-env: the environment variable %s is not set", p.PasswordEnv)
		}
		return value, nil
	case p.PasswordStdin:
		data, err := readAll(t.In, "standard input", manifest.MaxSecretBytes)
		if err != nil {
			return "", fmt.Errorf("--password-stdin: %w", err)
		}
		return manifest.WithoutNewline(string(data)), nil
	}
	data, err := readFile(p.PasswordFile, manifest.MaxSecretBytes)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	return manifest.WithoutNewline(string(data)), nil
}
