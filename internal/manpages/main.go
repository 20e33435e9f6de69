// Command manpages writes the manual pages into a directory:
//
//	go run ./internal/manpages DIR
//
// jpsync.1 is made of the command line's own model and help texts, jpsync.yaml.5 of the
// manifest's schema, so neither has to be kept up when a command, a flag or a key is added.
// Their date is SOURCE_DATE_EPOCH, by which builds are reproducible, or today.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"jpsync/internal/cli"
	"jpsync/manifest"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
}

func run(args []string, epoch string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one directory to write to")
	}
	date, err := dateOf(epoch)
	if err != nil {
		return err
	}
	model, err := cli.Model()
	if err != nil {
		return err
	}
	exitCodes, err := cli.Topic("exit-codes")
	if err != nil {
		return err
	}
	keys, err := manifestPage(manifest.Schema(), date)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"jpsync.1":      commandPage(model, exitCodes, date),
		"jpsync.yaml.5": keys,
	} {
		if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// dateOf reads seconds since 1970; empty, it is today.
func dateOf(epoch string) (time.Time, error) {
	if epoch == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is no number of seconds: %q", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
