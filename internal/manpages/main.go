// Command manpages writes the manual pages into a directory:
//
//	go run ./internal/manpages DIR
//
// Each is a template in mdoc(7). jpsync.1 takes the command line's own model and help texts,
// jpsync.yaml.5 the manifest's schema, so neither has to be kept up when a command, a flag or a key
// is added. Their date is SOURCE_DATE_EPOCH, by which builds are reproducible, or today.
package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	"github.com/alecthomas/kong"

	"jpsync/internal/cli"
	"jpsync/manifest"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
}

// content is what the templates of the pages take from elsewhere.
type content struct {
	Date        string
	Commands    *kong.Application
	ExitCodes   []item
	OnExitCodes string // what the help says of them
	Manifest    schema
	Example     string // of a manifest
}

var (
	//go:embed *.tmpl
	templates embed.FS
	//go:embed example.yaml
	exampleManifest string
)

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"text": text, "literal": literal, "prose": prose, "quote": quote,
	"synopsis": synopsis, "visible": visible, "placeholder": placeholder, "meaning": meaning, "flagVariables": flagVariables,
	"facts": facts, "lowerFirst": lowerFirst,
}).ParseFS(templates, "*.tmpl"))

func run(args []string, epoch string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one directory to write to")
	}
	date, err := dateOf(epoch)
	if err != nil {
		return err
	}
	c := content{Date: date.Format("January 2, 2006"), Example: exampleManifest}
	if c.Commands, err = cli.Model(); err != nil {
		return err
	}
	topic, err := cli.Topic("exit-codes")
	if err != nil {
		return err
	}
	c.ExitCodes, c.OnExitCodes = exitCodes(topic)
	if err := json.Unmarshal(manifest.Schema(), &c.Manifest); err != nil {
		return err
	}
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return err
	}
	for _, name := range []string{"jpsync.1", "jpsync.yaml.5"} {
		var page bytes.Buffer
		if err := pages.ExecuteTemplate(&page, name+".tmpl", &c); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(args[0], name), page.Bytes(), 0o644); err != nil {
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
