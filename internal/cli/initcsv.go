package cli

import (
	"fmt"
	"path/filepath"

	"jpsync/manifest"
)

// csvHeader is what stands above the apps of a CSV file.
const csvHeader = `# The apps of one JPush account, and the APNs push certificates that they carry, as they
# were in %q. From here on this file is the one to edit.
#   jpsync plan    shows what would change
#   jpsync apply   makes the changes
version: 1

# Where the account's credentials are. These are the defaults.
# account:
#   dev_key:    {env: JPUSH_DEV_KEY}
#   dev_secret: {env: JPUSH_DEV_SECRET}

# policy:
#   max_deletes: 0       # how many apps, or what share (5%%), an unattended apply may delete
#   on_existing: adopt   # adopt | fail: what to do about an app that JPush has already
#   renew_before: 30d    # warn about certificates that expire sooner

# What every app has that does not say otherwise.
# defaults:
#   group_name: Retail
#   certificates:
#     production:
#       file: certs/${id}.p12          # also ${app_name}, ${android_package}
#       password: {env: P12_PASSWORD}  # or {file: PATH}; never the password itself

`

// csvEncoding is the value of --encoding. It tells what the enum, which is for the completion
// and comes later, cannot tell.
type csvEncoding string

func (e *csvEncoding) UnmarshalText(text []byte) error {
	*e = csvEncoding(text)
	return manifest.CheckEncoding(string(text))
}

// fromCSV is the manifest with the apps of a CSV file. The same file gives the same text.
func (c *initCmd) fromCSV(g *globals) ([]byte, error) {
	list, _, err := manifest.Convert(*c.FromCSV, filepath.Dir(g.Manifest), manifest.ConvertOptions{
		Encoding: string(c.Encoding), CertRoot: g.CertRoot,
	})
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, csvHeader, filepath.Base(*c.FromCSV)), list...), nil
}
