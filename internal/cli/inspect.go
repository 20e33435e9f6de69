package cli

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/term"

	"jpsync/internal/pushcert"
	"jpsync/internal/report"
)

type certsInspectCmd struct {
	passwordFlags
	File     string `arg:"" help:"A .p12 file."`
	BundleID string `placeholder:"ID" help:"Check that the certificate is for this bundle ID."`
	Format   string `enum:"text,json" default:"text" help:"text or json."`
}

func (certsInspectCmd) Help() string {
	return `Tells what a .p12 file holds, with no manifest: bundle ID, environments, validity, key, fingerprint,
and what speaks against sending it. A file of another kind is named for what it is. In a terminal
the password is asked for when no flag says where it is.

Examples:
  jpsync certs inspect shop.p12
  jpsync certs inspect shop.p12 --password-env P12_PASSWORD --format json

Exit codes: 0 fit to send, 1 not.`
}

// inspected is the JSON form.
type inspected struct {
	File         string    `json:"file"`
	BundleID     string    `json:"bundle_id"`
	Environments []string  `json:"environments"`
	Universal    bool      `json:"universal"`
	Topics       []string  `json:"topics"`
	VoIP         bool      `json:"voip"`
	CommonName   string    `json:"common_name"`
	Issuer       string    `json:"issuer"`
	Serial       string    `json:"serial"`
	NotBefore    time.Time `json:"not_before"`
	NotAfter     time.Time `json:"not_after"`
	KeyType      string    `json:"key_type"`
	HasKey       bool      `json:"has_key"`
	KeyMatches   bool      `json:"key_matches"`
	Fingerprint  string    `json:"fingerprint"`
	Encryption   string    `json:"encryption"`
	Findings     []finding `json:"findings"`
}

type finding struct {
	Code     pushcert.Code     `json:"code"`
	Severity pushcert.Severity `json:"severity"`
	Message  string            `json:"message"`
	Remedy   string            `json:"remedy,omitempty"`
}

// Run opens the file and prints what it sees.
func (c *certsInspectCmd) Run(t *terminal) error {
	data, err := readFile(c.File, pushcert.MaxSize+1)
	if err != nil {
		return err
	}
	password, err := c.password(t, data)
	if err != nil {
		return err
	}
	cert, err := open(data, password)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	now := time.Now()
	findings := pushcert.Check(cert, pushcert.Expect{
		Environment: firstEnvironment(cert),
		BundleID:    c.BundleID,
		Password:    pushcert.FactsOf(password),
		Now:         now,
		RenewBefore: 30 * 24 * time.Hour,
	})
	if err := c.print(t, cert, findings, now); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Severity == pushcert.SeverityError {
			return exit(ExitError)
		}
	}
	return nil
}

// firstEnvironment is a slot that the certificate fits: which one it is meant for, nobody
// has said here.
func firstEnvironment(cert *pushcert.Certificate) string {
	if envs := cert.Environments(); len(envs) > 0 {
		return envs[0]
	}
	return "production"
}

func (c *certsInspectCmd) print(t *terminal, cert *pushcert.Certificate, findings []pushcert.Finding, now time.Time) error {
	if c.Format == "text" {
		return report.CertificateText(t.Out, cert, findings, now, t.out)
	}
	out := inspected{
		File: c.File, BundleID: cert.BundleID, Environments: orEmpty(cert.Environments()), Universal: cert.Universal(),
		Topics: orEmpty(cert.Topics), VoIP: cert.VoIP, CommonName: cert.CommonName, Issuer: cert.Issuer, Serial: cert.Serial,
		NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(), KeyType: cert.KeyType, HasKey: cert.HasKey,
		KeyMatches: cert.KeyMatches, Fingerprint: cert.Fingerprint, Encryption: cert.Encryption, Findings: []finding{},
	}
	for _, f := range findings {
		out.Findings = append(out.Findings, finding(f))
	}
	return report.JSON(t.Out, out)
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// password takes it from where the flags say. Without a flag it asks a person, but only when
// the file does not open without one.
func (c *certsInspectCmd) password(t *terminal, data []byte) (string, error) {
	if c.given() {
		return c.passwordFlags.read(t)
	}
	_, err := pushcert.Inspect(data, "")
	if e, ok := errors.AsType[*pushcert.Error](err); !ok || e.Kind != pushcert.WrongPassword {
		return "", nil
	}
	if !t.ask {
		return "", fmt.Errorf("%s has a password: say where it is with --password-env, --password-file or --password-stdin", c.File)
	}
	fmt.Fprintf(t.Err, "Password of %s: ", c.File)
	typed, err := term.ReadPassword(fd(t.In))
	fmt.Fprintln(t.Err)
	return string(typed), err
}
