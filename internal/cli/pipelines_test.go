package cli

import (
	"bytes"
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
	parser, err := newParser(&root{}, Host{})
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
	shellLine   = regexp.MustCompile(`(?m)^\s*script: jpsync (.*)$`)
	groovyLine  = regexp.MustCompile(`'jpsync ([^']*)'`)
	ourVariable = regexp.MustCompile(`JPSYNC_[A-Z_]+`)
)

func TestPipelinesSpeakOurLanguage(t *testing.T) {
	for file, form := range map[string]*regexp.Regexp{"gitlab-ci.yml": shellLine, "gitlab-ci-nightly.yml": shellLine, "Jenkinsfile": groovyLine} {
		data, err := os.ReadFile(filepath.Join(pipelines, file))
		require.NoError(t, err)
		lines := form.FindAllStringSubmatch(string(data), -1)
		require.GreaterOrEqual(t, len(lines), 2, file)
		for _, line := range lines {
			understood(t, strings.Fields(line[1]))
			shellSyntax(t, "sh", "jpsync "+line[1])
		}
	}
}

// TestPipelinesLeaveTheStateWhereItIs looks for what the examples must not have: a copy of the
// state, the key to its secrets, or a queue, which the lease makes superfluous.
func TestPipelinesLeaveTheStateWhereItIs(t *testing.T) {
	for _, file := range []string{"github-actions.yml", "gitlab-ci.yml", "Jenkinsfile"} {
		data, err := os.ReadFile(filepath.Join(pipelines, file))
		require.NoError(t, err)
		for _, word := range []string{"jpsync.state", "aws s3", "JPSYNC_STATE", "concurrency", "resource_group", "disableConcurrentBuilds"} {
			require.NotContains(t, string(data), word, file)
		}
	}
}

// TestNightlyPipelinesOnlyRead looks for what the nightly examples must not have: the right to
// change anything. The identity is theirs alone.
func TestNightlyPipelinesOnlyRead(t *testing.T) {
	for _, file := range []string{"github-actions-nightly.yml", "gitlab-ci-nightly.yml"} {
		data, err := os.ReadFile(filepath.Join(pipelines, file))
		require.NoError(t, err)
		for _, word := range []string{"jpsync.state", "aws s3", "JPUSH_DEV_SECRET", "WRITE_ROLE", "apply"} {
			require.NotContains(t, string(data), word, file)
		}
		require.Contains(t, string(data), identityVariable, file)
		require.Contains(t, string(data), "verify", file)
	}
}

func shellSyntax(t *testing.T, shell, script string) {
	t.Helper()
	out, err := exec.Command(shell, "-n", "-c", script).CombinedOutput()
	require.NoError(t, err, "%s\n%s", script, out)
}

type step struct {
	ID, Uses, Run, If, Name, Shell string
	Dir                            string            `yaml:"working-directory"`
	With                           map[string]string `yaml:"with"`
	Env                            map[string]string `yaml:"env"`
}

type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Needs, If, Environment string
		Permissions            map[string]string
		Steps                  []step
	}
}

func actionsWorkflow(t *testing.T, file string) (w workflow) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(pipelines, file))
	require.NoError(t, err)
	require.NotContains(t, string(data), "pull_request_target")
	require.NoError(t, yaml.Unmarshal(data, &w))
	return w
}

func TestActionsWorkflow(t *testing.T) {
	for _, file := range []string{"github-actions.yml", "github-actions-nightly.yml"} {
		t.Run(file, func(t *testing.T) { testActionsWorkflow(t, actionsWorkflow(t, file)) })
	}
}

func testActionsWorkflow(t *testing.T, w workflow) {
	require.Empty(t, w.Permissions, "each job asks for what it needs")
	for name, job := range w.Jobs {
		require.Equal(t, "read", job.Permissions["contents"], name)
		ran := false
		for _, s := range job.Steps {
			require.NotContains(t, s.Run, "${{", "an expression in a script is somebody's text in it")
			shellSyntax(t, "bash", s.Run)
			if strings.HasPrefix(s.Uses, "acme/jpsync@") {
				ran = true
				understood(t, append([]string{s.With["command"]}, strings.Fields(s.With["args"])...))
			}
			if _, has := s.Env["JPUSH_DEV_SECRET"]; has {
				require.Equal(t, "jpush", job.Environment, "the secret is behind the reviewers")
			}
			if strings.Contains(s.With["role-to-assume"], "WRITE") {
				require.Equal(t, "jpush", job.Environment, "and so is the right to write")
			}
		}
		require.True(t, ran, name)
	}
}

type gitlabJob struct {
	Stage, Script string
	AfterScript   []string `yaml:"after_script"`
	Variables     map[string]string
	Rules         []map[string]any
	Artifacts     struct {
		When    string
		Paths   []string
		Reports map[string]string
		Expire  string `yaml:"expire_in"`
	}
	Environment string
}

type gitlabPipeline struct {
	Stages    []string
	Workflow  map[string]any
	Variables map[string]string
	Default   struct {
		Image        string
		IDTokens     map[string]map[string]string `yaml:"id_tokens"`
		BeforeScript []string                     `yaml:"before_script"`
	}
	Plan, Apply gitlabJob
}

func TestGitLabPipeline(t *testing.T) {
	var ci gitlabPipeline
	yamlFile(t, filepath.Join(pipelines, "gitlab-ci.yml"), &ci)
	for _, line := range ci.Default.BeforeScript {
		shellSyntax(t, "sh", line)
	}
	require.Contains(t, ci.Plan.Script, "--report "+ci.Plan.Artifacts.Reports["terraform"])
	require.Contains(t, ci.Plan.Script, "--out "+ci.Plan.Artifacts.Paths[0])
	require.Contains(t, ci.Apply.Script, "apply "+ci.Plan.Artifacts.Paths[0])
	require.Contains(t, ci.Apply.Script, "--report "+ci.Apply.Artifacts.Reports["junit"])
	require.Equal(t, "manual", ci.Apply.Rules[0]["when"])
	require.NotEqual(t, ci.Variables["AWS_ROLE_ARN"], ci.Apply.Variables["AWS_ROLE_ARN"], "a plan only reads")
}

// TestPipelineVariables keeps an example from setting a variable that no flag reads.
func TestPipelineVariables(t *testing.T) {
	known := variables(t)
	for _, own := range []string{"JPSYNC_READ_ROLE", "JPSYNC_WRITE_ROLE"} { // the workflow's own
		require.NotContains(t, known, own)
		known[own] = true
	}
	known[identityVariable] = true // which is of no flag
	for _, file := range []string{"github-actions.yml", "github-actions-nightly.yml", "gitlab-ci.yml", "gitlab-ci-nightly.yml", "Jenkinsfile"} {
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
	require.NoError(t, report.Outputs(&b, planPrefix, report.PlanCounts(&planner.Plan{})))
	require.NoError(t, report.Outputs(&b, applyPrefix, report.ApplyCounts(report.Summary{})))
	known := variables(t)
	for line := range strings.Lines(b.String()) {
		name, _, _ := strings.Cut(line, "=")
		require.NotContains(t, known, name)
	}
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
