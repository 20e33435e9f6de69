package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"jpsync/internal/report"
	"jpsync/planner"
)

const pipelines = examples + "/pipelines"

func yamlFile(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(into))
	require.ErrorIs(t, dec.Decode(&yaml.Node{}), io.EOF, "one document")
}

func commandLine(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(&root{}, kong.DefaultEnvars("JPSYNC"), kong.Exit(func(int) { t.Error("exits") }))
	require.NoError(t, err)
	return parser
}

// understood makes sure that jpsync takes a command line that an example has.
func understood(t *testing.T, args []string) {
	t.Helper()
	kctx, err := commandLine(t).Parse(args)
	require.NoError(t, err, "jpsync %s", strings.Join(args, " "))
	require.NotEmpty(t, kctx.Command())
}

var (
	shellLine   = regexp.MustCompile(`(?m)^\s*- jpsync (.*)$`)
	groovyLine  = regexp.MustCompile(`'jpsync ([^']*)'`)
	ourVariable = regexp.MustCompile(`JPSYNC_[A-Z_]+`)
)

func TestPipelinesSpeakOurLanguage(t *testing.T) {
	for file, form := range map[string]*regexp.Regexp{"gitlab-ci.yml": shellLine, "Jenkinsfile": groovyLine} {
		data, err := os.ReadFile(filepath.Join(pipelines, file))
		require.NoError(t, err)
		lines := form.FindAllStringSubmatch(string(data), -1)
		require.GreaterOrEqual(t, len(lines), 2, file)
		for _, line := range lines {
			understood(t, strings.Fields(line[1]))
		}
	}
}

type step struct {
	ID, Uses, Run, If, Name, Shell string
	Dir                            string            `yaml:"working-directory"`
	With                           map[string]string `yaml:"with"`
	Env                            map[string]string `yaml:"env"`
}

func TestActionsWorkflow(t *testing.T) {
	var workflow struct {
		Permissions map[string]string
		Concurrency struct {
			Group  string
			Cancel *bool `yaml:"cancel-in-progress"`
		}
		Jobs map[string]struct {
			Permissions map[string]string
			Environment string
			Steps       []step
		}
	}
	data, err := os.ReadFile(filepath.Join(pipelines, "github-actions.yml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, &workflow))
	require.Empty(t, workflow.Permissions, "each job asks for what it needs")
	require.NotEmpty(t, workflow.Concurrency.Group)
	require.False(t, *workflow.Concurrency.Cancel, "an apply is not cancelled for the next one")
	require.NotContains(t, string(data), "pull_request_target")
	for name, job := range workflow.Jobs {
		require.Equal(t, "read", job.Permissions["contents"], name)
		ran := false
		for _, s := range job.Steps {
			require.NotContains(t, s.Run, "${{", "an expression in a script is somebody's text in it")
			if strings.HasPrefix(s.Uses, "acme/jpsync@") {
				ran = true
				understood(t, append([]string{s.With["command"]}, strings.Fields(s.With["args"])...))
			}
			if _, has := s.Env["JPUSH_DEV_SECRET"]; has {
				require.Equal(t, "jpush", job.Environment, "the secret is behind the reviewers")
			}
		}
		require.True(t, ran, name)
	}
}

func TestGitLabPipeline(t *testing.T) {
	type job struct {
		Stage     string
		Script    []string
		Needs     []string
		Rules     []map[string]any
		Artifacts struct {
			When    string
			Paths   []string
			Reports map[string]string
			Expire  string `yaml:"expire_in"`
		}
		Environment string
	}
	var ci struct {
		Stages    []string
		Variables map[string]string
		Default   map[string]any
		Plan      job
		Apply     job
	}
	yamlFile(t, filepath.Join(pipelines, "gitlab-ci.yml"), &ci)
	require.NotEmpty(t, ci.Default["resource_group"])
	require.Contains(t, ci.Plan.Script[0], "--report "+ci.Plan.Artifacts.Reports["terraform"])
	require.Contains(t, ci.Plan.Script[0], "--out "+ci.Plan.Artifacts.Paths[0])
	require.Contains(t, ci.Apply.Script[0], "apply "+ci.Plan.Artifacts.Paths[0])
	require.Contains(t, ci.Apply.Script[0], "--report "+ci.Apply.Artifacts.Reports["junit"])
	require.Equal(t, "manual", ci.Apply.Rules[0]["when"])
	for _, path := range append(ci.Plan.Artifacts.Paths, ci.Apply.Artifacts.Paths...) {
		require.NotContains(t, path, "state", "the state is nothing to download")
	}
}

// TestPipelineVariables keeps an example from setting a variable that no flag reads.
func TestPipelineVariables(t *testing.T) {
	known := variables(t)
	for _, own := range []string{"JPSYNC_BUCKET", "JPSYNC_READ_ROLE", "JPSYNC_WRITE_ROLE"} { // the workflow's own
		require.NotContains(t, known, own)
		known[own] = true
	}
	for _, file := range []string{"github-actions.yml", "gitlab-ci.yml", "Jenkinsfile"} {
		data, err := os.ReadFile(filepath.Join(pipelines, file))
		require.NoError(t, err)
		for _, name := range ourVariable.FindAllString(string(data), -1) {
			require.Contains(t, known, name, file)
		}
	}
}

// variables are the environment variables of all flags.
func variables(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	require.NoError(t, kong.Visit(commandLine(t).Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				names[name] = true
			}
		}
		return next(nil)
	}))
	require.Contains(t, names, "JPSYNC_MAX_ATTEMPTS")
	return names
}

// A job that takes a dotenv report as its environment may run jpsync: no count in it may be
// read as a flag.
func TestDotenvReportsSetNoFlag(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.Dotenv(&b, planPrefix, report.PlanCounts(&planner.Plan{})))
	require.NoError(t, report.Dotenv(&b, applyPrefix, report.ApplyCounts(report.Summary{})))
	known := variables(t)
	for line := range strings.Lines(b.String()) {
		name, _, _ := strings.Cut(line, "=")
		require.NotContains(t, known, name)
	}
}

// TestAction runs the steps of the composite action as the runner does.
func TestAction(t *testing.T) {
	var action struct {
		Name, Description string
		Branding          map[string]string
		Inputs            map[string]struct{ Description, Default string }
		Outputs           map[string]struct{ Description, Value string }
		Runs              struct {
			Using string
			Steps []step
		}
	}
	yamlFile(t, "../../action.yml", &action)
	require.Equal(t, "composite", action.Runs.Using)
	for name, out := range action.Outputs {
		require.NotEmpty(t, out.Description, name)
		require.Regexp(t, `^\$\{\{ steps\.run\.outputs\.[a-z_]+ \}\}$`, out.Value)
	}
	work := copyTracked(t, filepath.Join(examples, "quickstart"))
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	variables := append(os.Environ(), "RUNNER_TEMP="+t.TempDir(), "GITHUB_ACTIONS=true", "GITHUB_WORKSPACE="+work,
		"GITHUB_PATH="+filepath.Join(work, "path"), "GITHUB_OUTPUT="+filepath.Join(work, "output"), "GITHUB_STEP_SUMMARY="+filepath.Join(work, "summary"),
		"ACTION_PATH="+root, "VERSION=v1.2.3", "INPUT_COMMAND=plan", "INPUT_MANIFEST=jpsync.yaml", "INPUT_ARGS=--sandbox\n--report=my plan.json\n--detailed-exitcode\n")
	ran := 0
	for _, s := range action.Runs.Steps {
		if s.Run == "" {
			continue
		}
		ran++
		require.NotContains(t, s.Run, "${{")
		for name := range s.Env {
			require.Contains(t, strings.Join(variables, "\n"), "\n"+name+"=", "the test knows every variable")
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", s.Run)
		cmd.Dir, cmd.Env = work, variables
		out, err := cmd.CombinedOutput()
		if s.ID == "run" {
			require.Equal(t, ExitPending, cmd.ProcessState.ExitCode(), "%s", out)
		} else {
			require.NoError(t, err, "%s", out)
		}
	}
	require.Equal(t, 2, ran)
	outputs, err := os.ReadFile(filepath.Join(work, "output"))
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
}

// The Jenkinsfile is Groovy, for which there is no parser here: what can be told without one
// is that its brackets and quotes pair up.
func TestJenkinsfileIsBalanced(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(pipelines, "Jenkinsfile"))
	require.NoError(t, err)
	text := regexp.MustCompile(`(?m)^\s*//.*$`).ReplaceAllString(string(data), "")
	text = regexp.MustCompile(`'[^'\n]*'`).ReplaceAllString(text, "")
	require.NotContains(t, text, "'")
	var open []rune
	for _, r := range text {
		switch r {
		case '(', '{', '[':
			open = append(open, r)
		case ')', '}', ']':
			require.NotEmpty(t, open)
			require.Equal(t, map[rune]rune{')': '(', '}': '{', ']': '['}[r], open[len(open)-1])
			open = open[:len(open)-1]
		}
	}
	require.Empty(t, open)
	for _, section := range []string{"pipeline", "agent", "options", "environment", "stages"} {
		require.Regexp(t, `\b`+section+` *\{`, text)
	}
}
