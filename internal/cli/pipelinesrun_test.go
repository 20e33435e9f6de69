package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/pushcert"
	"jpsync/internal/storetest"
)

// site is what the pipelines run against here: a simulated account and a bucket. A job has a
// checkout of its own, so what it leaves for the next one is in the bucket or an artifact.
type site struct {
	account  *sandbox.Server
	bucket   string            // the endpoint of its service
	keys     string            // what the manifest says of the state
	identity string            // that opens the master secrets
	gate     chan struct{}     // every request to the account receives from it
	asked    chan struct{}     // and sends to this one before
	values   map[string]string // of the expressions in the workflow
}

func newSite(t *testing.T) *site {
	t.Helper()
	storetest.SetCredentials(t)
	account, err := sandbox.New(sandbox.Options{
		DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret, Seed: 1,
		CheckCertificate: func(data []byte, password string) error {
			_, err := pushcert.Inspect(data, password)
			return err
		},
	})
	require.NoError(t, err)
	s := &site{account: account, bucket: storetest.FakeS3(t), gate: make(chan struct{}), asked: make(chan struct{}, 100)}
	close(s.gate)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked <- struct{}{}
		<-s.gate
		account.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("JPSYNC_ENDPOINT", server.URL+"/v1/")
	t.Setenv("JPSYNC_DEVICE_ENDPOINT", server.URL+"/v3/")
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	s.identity = identity.String()
	s.keys = fmt.Sprintf("version: 1\nstate: %s\nstate_recipients: [%s]\n", storetest.S3Location(s.bucket, "apps"), identity.Recipient())
	s.values = map[string]string{
		"vars.JPSYNC_READ_ROLE": "reader", "vars.JPSYNC_WRITE_ROLE": "writer", "vars.AWS_REGION": "",
		"vars.JPUSH_DEV_KEY": sandbox.DevKey, "secrets.JPUSH_DEV_SECRET": sandbox.DevSecret, "secrets.P12_PASSWORD": "",
		"github.token": "token", "github.repository": "acme/apps", "github.event.pull_request.number": "7",
	}
	return s
}

// checkout is the quickstart example with a shared state.
func (s *site) checkout(t *testing.T) string {
	t.Helper()
	dir := copyTracked(t, filepath.Join(examples, "quickstart"))
	path := filepath.Join(dir, "jpsync.yaml")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), "version: 1\n")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(data), "version: 1\n", s.keys, 1)), 0o600))
	return dir
}

// shell prepares a script as CI runs it. jpsync is in the path of this test.
func shell(t *testing.T, dir, script string, variables map[string]string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a script that hangs is a failure
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, os.Environ(), time.Second
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

func script(t *testing.T, want int, dir, script string, variables map[string]string) string {
	t.Helper()
	cmd := shell(t, dir, script, variables)
	out, err := cmd.CombinedOutput()
	require.NotNil(t, cmd.ProcessState, "%v", err)
	require.Equal(t, want, cmd.ProcessState.ExitCode(), "%s\n%s", script, out)
	return string(out)
}

// applied makes sure that the account has each app once, that a new machine finds nothing left to
// do, and that no master secret is in the bucket.
func (s *site) applied(t *testing.T) {
	t.Helper()
	require.Len(t, s.account.Apps(), 3)
	script(t, ExitDone, s.checkout(t), "jpsync plan --detailed-exitcode", nil)
	objects := s.fetch(t, "")
	names := objectKey.FindAllStringSubmatch(objects, -1)
	require.NotEmpty(t, names)
	for _, name := range names {
		objects += s.fetch(t, name[1])
	}
	for _, app := range s.account.Apps() {
		require.Contains(t, objects, app.AppKey)
		require.NotContains(t, objects, app.MasterSecret)
	}
}

var objectKey = regexp.MustCompile(`<Key>([^<]+)</Key>`)

// fetch reads an object of the bucket, or its listing. It does not ask for a proxy: net/http
// would remember the answer, and the test of doctor's sets another one.
func (s *site) fetch(t *testing.T, name string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(s.bucket + "/" + storetest.Bucket + "/" + name)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", body)
	return string(body)
}

func TestGitLabPipelineRuns(t *testing.T) {
	s := newSite(t)
	var ci gitlabPipeline
	yamlFile(t, filepath.Join(pipelines, "gitlab-ci.yml"), &ci)
	variables := map[string]string{
		"JPUSH_DEV_KEY": sandbox.DevKey, "AWS_TOKEN": "a token", "AWS_WEB_IDENTITY_TOKEN_FILE": filepath.Join(t.TempDir(), "token"),
	}
	planning, applying := s.checkout(t), s.checkout(t)
	before := strings.Join(ci.Default.BeforeScript, "\n") + "\n"
	script(t, ExitDone, planning, before+ci.Plan.Script, variables)
	for _, path := range ci.Plan.Artifacts.Paths {
		copyInto(t, applying, planning, path)
	}
	variables["JPUSH_DEV_SECRET"] = sandbox.DevSecret
	script(t, ExitDone, applying, before+ci.Apply.Script, variables)
	s.applied(t)
	script(t, ExitRefused, applying, before+ci.Apply.Script, variables)

	for dir, files := range map[string]map[string]string{planning: ci.Plan.Artifacts.Reports, applying: ci.Apply.Artifacts.Reports} {
		for _, report := range files {
			require.FileExists(t, filepath.Join(dir, report))
		}
	}
	token, err := os.ReadFile(variables["AWS_WEB_IDENTITY_TOKEN_FILE"])
	require.NoError(t, err)
	require.Equal(t, "a token", string(token))
}

// apply makes the apps as the pipelines do.
func (s *site) apply(t *testing.T) {
	t.Helper()
	script(t, ExitDone, s.checkout(t), "jpsync apply --auto-approve",
		map[string]string{"JPUSH_DEV_KEY": sandbox.DevKey, "JPUSH_DEV_SECRET": sandbox.DevSecret})
	s.applied(t)
}

// deleteInConsole deletes an app behind the back of the state.
func (s *site) deleteInConsole(t *testing.T) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/app/"+s.account.Apps()[0].AppKey+"/delete", nil)
	r.SetBasicAuth(sandbox.DevKey, sandbox.DevSecret)
	w := httptest.NewRecorder()
	s.account.ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), "success")
}

func TestNightlyGitLabPipelineRuns(t *testing.T) {
	s := newSite(t)
	s.apply(t)
	var ci gitlabPipeline
	yamlFile(t, filepath.Join(pipelines, "gitlab-ci.yml"), &ci)
	var nightly struct{ Verify, Certificates gitlabJob }
	yamlFile(t, filepath.Join(pipelines, "gitlab-ci-nightly.yml"), &nightly)
	require.Contains(t, ci.Stages, nightly.Verify.Stage)
	require.Contains(t, ci.Stages, nightly.Certificates.Stage)

	file := filepath.Join(t.TempDir(), "identity")
	require.NoError(t, os.WriteFile(file, []byte(s.identity+"\n"), 0o600))
	variables := map[string]string{identityVariable: file}
	work := s.checkout(t)
	script(t, ExitDone, work, nightly.Certificates.Script, variables)
	script(t, ExitDone, work, strings.Join(nightly.Certificates.AfterScript, "\n"), variables)
	isCertsPage(t, filepath.Join(work, nightly.Certificates.Artifacts.Paths[0]))
	script(t, ExitDone, s.checkout(t), nightly.Verify.Script, variables)
	s.deleteInConsole(t)
	script(t, ExitPending, s.checkout(t), nightly.Verify.Script, variables)
	delete(variables, identityVariable)
	require.Contains(t, script(t, ExitDone, s.checkout(t), nightly.Verify.Script, variables), "encrypted and could not be read")
}

// isCertsPage makes sure that the file is the page of the quickstart example's certificates.
func isCertsPage(t *testing.T, file string) {
	t.Helper()
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(page), "<!DOCTYPE html>")
	require.Equal(t, 3, strings.Count(string(page), `<th scope="row">`))
}

func copyInto(t *testing.T, to, from, name string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(from, name))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(to, name), data, 0o600))
}

func TestJenkinsPipelineRuns(t *testing.T) {
	s := newSite(t)
	data, err := os.ReadFile(filepath.Join(pipelines, "Jenkinsfile"))
	require.NoError(t, err)
	lines := groovyLine.FindAllStringSubmatch(string(data), -1)
	require.Len(t, lines, 3, "plan, is there anything to apply, apply")
	work := s.checkout(t)
	variables := map[string]string{"JPUSH_DEV_KEY": sandbox.DevKey}
	script(t, ExitDone, work, "jpsync "+lines[0][1], variables)
	script(t, ExitPending, work, "jpsync "+lines[1][1], variables)
	variables["JPUSH_DEV_SECRET"] = sandbox.DevSecret
	script(t, ExitDone, work, "jpsync "+lines[2][1], variables)
	s.applied(t)
	script(t, ExitDone, work, "jpsync "+lines[1][1], variables)
	script(t, ExitRefused, work, "jpsync "+lines[2][1], variables)
}
