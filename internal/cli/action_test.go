package cli

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
)

func TestActionsWorkflowRuns(t *testing.T) {
	s := newSite(t)
	jobs := actionsWorkflow(t, "github-actions.yml").Jobs
	r := &runner{site: s, artifacts: map[string]string{}, action: readAction(t), temp: t.TempDir()}
	jpsync, err := exec.LookPath("jpsync")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(jpsync, filepath.Join(r.temp, "jpsync")))

	// A pull request: a comment, then the same comment once more.
	comments := filepath.Join(r.temp, "comments")
	gh := "#!/bin/sh\ncase $* in *--paginate*) cat '" + comments + ".url' ;; *) echo \"$@\" >> '" + comments + "' ;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(r.temp, "gh"), []byte(gh), 0o700))
	t.Setenv("PATH", r.temp+":"+os.Getenv("PATH"))
	for _, url := range []string{"", "https://api.github.com/comments/1\n"} {
		require.NoError(t, os.WriteFile(comments+".url", []byte(url), 0o600))
		r.job(t, "pull_request", jobs["plan"].Steps)
	}
	said, err := os.ReadFile(comments)
	require.NoError(t, err)
	require.Equal(t, "api --silent --method POST repos/acme/apps/issues/7/comments --field body=@comment.md\n"+
		"api --silent --method PATCH https://api.github.com/comments/1 --field body=@comment.md\n", string(said))
	require.Empty(t, r.artifacts)

	// The merge.
	require.Contains(t, r.job(t, "push", jobs["plan"].Steps), "changes=true\n")
	require.Equal(t, []string{"reader"}, slices.Compact(slices.Clone(r.roles)))
	require.Empty(t, s.account.Apps())
	r.job(t, "push", jobs["apply"].Steps)
	require.Equal(t, "writer", r.roles[len(r.roles)-1])
	s.applied(t)
	require.Contains(t, r.job(t, "push", jobs["plan"].Steps), "changes=false\n")
}

func TestNightlyActionsWorkflowRuns(t *testing.T) {
	s := newSite(t)
	s.apply(t)
	r := &runner{site: s, action: readAction(t), temp: t.TempDir(), ends: map[string]int{}, artifacts: map[string]string{}}
	jpsync, err := exec.LookPath("jpsync")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(jpsync, filepath.Join(r.temp, "jpsync")))
	s.values["secrets.JPSYNC_STATE_IDENTITY"], s.values["runner.temp"] = s.identity, r.temp
	steps := actionsWorkflow(t, "github-actions-nightly.yml").Jobs["nightly"].Steps
	r.job(t, "schedule", steps)
	isCertsPage(t, r.artifacts["certificates"])
	s.deleteInConsole(t)
	r.ends["verify"] = ExitPending
	r.job(t, "schedule", steps)
	require.Equal(t, []string{"reader"}, slices.Compact(r.roles))
	require.Equal(t, 6, s.account.Counts().Verifies)
}

// runner is as much of a runner of GitHub Actions as the workflow needs.
type runner struct {
	*site
	action    action
	temp      string
	artifacts map[string]string // name to path
	roles     []string          // that were assumed
	ends      map[string]int    // exit codes by command; ExitDone if none is given
}

var expression = regexp.MustCompile(`\$\{\{ ([a-zA-Z0-9_.]+) \}\}`)

// fill puts values into expressions.
func (r *runner) fill(t *testing.T, text string) string {
	return expression.ReplaceAllStringFunc(text, func(s string) string {
		value, known := r.values[expression.FindStringSubmatch(s)[1]]
		require.True(t, known, s)
		return value
	})
}

// job runs steps one after the other, and returns the outputs of jpsync.
func (r *runner) job(t *testing.T, event string, steps []step) (outputs string) {
	t.Helper()
	var dir string
	for _, s := range steps {
		if strings.Contains(s.If, "event_name") && !strings.Contains(s.If, "'"+event+"'") {
			continue
		}
		variables := map[string]string{}
		for name, value := range s.Env {
			variables[name] = r.fill(t, value)
		}
		uses, _, _ := strings.Cut(s.Uses, "@")
		switch uses {
		case "actions/checkout":
			dir = r.checkout(t)
		case "aws-actions/configure-aws-credentials":
			r.roles = append(r.roles, r.fill(t, s.With["role-to-assume"]))
		case "acme/jpsync":
			maps.Copy(variables, r.action.variables(dir, r.temp, s.With))
			script(t, r.ends[s.With["command"]], dir, r.action.Runs.step(t, "run").Run, variables)
			data, err := os.ReadFile(variables["GITHUB_OUTPUT"])
			require.NoError(t, err)
			outputs = string(data)
		case "actions/upload-artifact":
			r.artifacts[s.With["name"]] = filepath.Join(dir, s.With["path"])
		case "actions/download-artifact":
			from := r.artifacts[s.With["name"]]
			copyInto(t, dir, filepath.Dir(from), filepath.Base(from))
		default:
			require.Empty(t, uses, "the test knows every action")
			script(t, ExitDone, dir, s.Run, variables)
		}
	}
	return outputs
}

// action is action.yml.
type action struct {
	Name, Description string
	Branding          map[string]string
	Inputs            map[string]struct{ Description, Default string }
	Outputs           map[string]struct{ Description, Value string }
	Runs              actionRuns
}

type actionRuns struct {
	Using string
	Steps []step
}

func readAction(t *testing.T) (a action) {
	t.Helper()
	yamlFile(t, "../../action.yml", &a)
	return a
}

func (r actionRuns) step(t *testing.T, id string) step {
	t.Helper()
	i := slices.IndexFunc(r.Steps, func(s step) bool { return s.ID == id })
	require.GreaterOrEqual(t, i, 0)
	return r.Steps[i]
}

// variables are what the runner and the action's inputs give to the action's scripts.
func (a action) variables(dir, temp string, with map[string]string) map[string]string {
	input := func(name string) string {
		if value, given := with[name]; given {
			return value
		}
		return a.Inputs[name].Default
	}
	return map[string]string{
		"RUNNER_TEMP": temp, "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": dir, "GITHUB_PATH": filepath.Join(dir, "path"),
		"GITHUB_OUTPUT": filepath.Join(dir, "output"), "GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"),
		"INPUT_COMMAND": input("command"), "INPUT_MANIFEST": input("manifest"), "INPUT_ARGS": input("args"),
	}
}

// TestAction builds jpsync as the composite action does, and runs it.
func TestAction(t *testing.T) {
	a := readAction(t)
	require.Equal(t, "composite", a.Runs.Using)
	for name, out := range a.Outputs {
		require.NotEmpty(t, out.Description, name)
		require.Regexp(t, `^\$\{\{ steps\.run\.outputs\.[a-z_]+ \}\}$`, out.Value)
	}
	for _, s := range a.Runs.Steps {
		require.NotContains(t, s.Run, "${{")
	}
	work := copyTracked(t, filepath.Join(examples, "quickstart"))
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	variables := a.variables(work, t.TempDir(), map[string]string{"args": "--sandbox\n--report=my plan.json\n--detailed-exitcode\n"})
	variables["ACTION_PATH"], variables["VERSION"] = root, "v1.2.3"
	for _, id := range []string{"build", "run"} {
		for name := range a.Runs.step(t, id).Env {
			require.Contains(t, variables, name, "the test knows every variable")
		}
	}
	script(t, ExitDone, work, a.Runs.step(t, "build").Run, variables)
	script(t, ExitPending, work, a.Runs.step(t, "run").Run, variables)
	outputs, err := os.ReadFile(variables["GITHUB_OUTPUT"])
	require.NoError(t, err)
	require.Contains(t, string(outputs), "changes=true\ncreate=3\n")
	require.Contains(t, string(outputs), "code=2\n")
	data, err := os.ReadFile(filepath.Join(work, "my plan.json"))
	require.NoError(t, err)
	var plan struct {
		Version string `json:"jpsync_version"`
	}
	require.NoError(t, json.Unmarshal(data, &plan))
	require.Equal(t, "v1.2.3", plan.Version)

	t.Run("cancelled", func(t *testing.T) { testCancelledAction(t, a, variables["RUNNER_TEMP"]) })
}

// testCancelledAction interrupts the shell of an apply alone, as the runner does. What is in
// flight is recorded in the bucket, and the lock is given back, so that the next job goes on at
// once.
func testCancelledAction(t *testing.T, a action, temp string) {
	s := newSite(t)
	s.gate = make(chan struct{})
	work := s.checkout(t)
	variables := a.variables(work, temp, map[string]string{"command": "apply", "args": "--auto-approve\n--parallelism=1"})
	variables["JPUSH_DEV_KEY"], variables["JPUSH_DEV_SECRET"] = sandbox.DevKey, sandbox.DevSecret
	cmd := shell(t, work, a.Runs.step(t, "run").Run, variables)
	log, err := os.Create(filepath.Join(work, "log"))
	require.NoError(t, err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	said := func() string {
		data, err := os.ReadFile(log.Name())
		require.NoError(t, err)
		return string(data)
	}
	select {
	case <-s.asked:
	case <-ended:
		require.Fail(t, "it ended", said())
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	for !strings.Contains(said(), "nothing new is started") {
		select {
		case <-time.After(time.Millisecond):
		case <-ended:
			require.Fail(t, "it ended", said())
		}
	}
	close(s.gate)
	<-ended
	require.Equal(t, ExitInterrupted, cmd.ProcessState.ExitCode())
	require.Len(t, s.account.Apps(), 1)
	script(t, ExitDone, s.checkout(t), "jpsync apply --auto-approve", variables)
	s.applied(t)
}
