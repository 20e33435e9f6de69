package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"jpsync/internal/pushcert"
	"jpsync/state"
)

type certsMakeTestCmd struct {
	passwordFlags
	Dir      string `arg:"" complete:"dir" help:"The directory to write to; it is made if it does not exist."`
	BundleID string `default:"cn.example.app" placeholder:"ID" help:"The bundle ID (${default})."`
	Days     int    `default:"395" placeholder:"N" help:"How many days the sound ones are valid (${default})."`
}

// testPassword is for files that protect nothing.
const testPassword = "test"

// assortment returns the certificates to write, by file name.
func (c *certsMakeTestCmd) assortment(now time.Time) map[string]pushcert.MintOptions {
	made := now.Add(-time.Hour)
	good := pushcert.MintOptions{BundleID: c.BundleID, NotBefore: made, NotAfter: now.AddDate(0, 0, c.Days)}
	with := func(change func(*pushcert.MintOptions)) pushcert.MintOptions {
		o := good
		change(&o)
		return o
	}
	return map[string]pushcert.MintOptions{
		"development":       with(func(o *pushcert.MintOptions) { o.Kind = pushcert.MintDevelopment }),
		"production":        with(func(o *pushcert.MintOptions) { o.Kind = pushcert.MintProduction }),
		"universal":         with(func(o *pushcert.MintOptions) { o.Kind = pushcert.MintUniversal }),
		"voip":              with(func(o *pushcert.MintOptions) { o.Kind = pushcert.MintVoIP }),
		"not-push":          with(func(o *pushcert.MintOptions) { o.Kind = pushcert.MintNotPush }),
		"expired":           with(func(o *pushcert.MintOptions) { o.NotBefore, o.NotAfter = now.AddDate(-1, -1, 0), now.AddDate(0, 0, -1) }),
		"expiring":          with(func(o *pushcert.MintOptions) { o.NotAfter = now.AddDate(0, 0, 7) }),
		"wrong-bundle":      with(func(o *pushcert.MintOptions) { o.BundleID = c.BundleID + ".other" }),
		"legacy-encryption": with(func(o *pushcert.MintOptions) { o.Encoder = pkcs12.LegacyRC2 }),
		"chain-ca-first":    with(func(o *pushcert.MintOptions) { o.CAFirst = true }),
		"ec-key":            with(func(o *pushcert.MintOptions) { o.EC = true }),
	}
}

// Run writes the certificates and their password.
func (c *certsMakeTestCmd) Run(t *terminal) error {
	password := testPassword
	if c.given() {
		var err error
		if password, err = c.passwordFlags.read(t); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	all := c.assortment(time.Now())
	for _, name := range append(sortedKeys(all), "password") {
		for _, path := range []string{filepath.Join(c.Dir, name+".p12"), filepath.Join(c.Dir, name+".txt")} {
			if _, err := os.Lstat(path); err == nil {
				return fmt.Errorf("%s exists already and may be a real one: name another directory", path)
			}
		}
	}
	for _, name := range sortedKeys(all) {
		options := all[name]
		options.Password = password
		data, err := pushcert.Mint(options)
		if err != nil {
			return err
		}
		path := filepath.Join(c.Dir, name+".p12")
		if err := state.WriteFile(path, data); err != nil {
			return err
		}
		fmt.Fprintln(t.Out, path)
	}
	path := filepath.Join(c.Dir, "password.txt")
	if err := state.WriteFile(path, []byte(password+"\n")); err != nil {
		return err
	}
	fmt.Fprintln(t.Out, path)
	return nil
}
