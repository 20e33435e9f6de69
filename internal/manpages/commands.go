package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// variables are those that belong to no flag.
var variables = []item{
	{"Ev JPUSH_DEV_KEY , JPUSH_DEV_SECRET", "The credentials of the developer account, unless the manifest names other variables or files."},
	{"Ev JPSYNC_LANG", "The language in which JPush's errors are explained, en or zh, in place of the locale's."},
	{"Ev JPSYNC_STATE_RECIPIENTS", "The public keys of age, with commas or spaces between them, for which master secrets are encrypted in the state, if the manifest has no state_recipients."},
	{"Ev JPSYNC_STATE_IDENTITY", "The file with the identity of age that opens encrypted master secrets."},
	{"Ev AWS_ACCESS_KEY_ID , AWS_SECRET_ACCESS_KEY , AWS_PROFILE", "Credentials for a state in a bucket, with the other variables of the AWS tools."},
	{"Ev PGPASSWORD , PGPASSFILE , PGSSLMODE", "Credentials for a state in PostgreSQL, with the other variables of libpq."},
	{"Ev HTTPS_PROXY , NO_PROXY", "The proxy for requests, and the hosts that are reached without it."},
	{"Ev NO_COLOR", "If it is not empty, no colour."},
	{"Ev CI", "If it is neither empty nor false, no colour, no progress bar and no question."},
	{"Ev GITHUB_ACTIONS , GITHUB_OUTPUT , GITHUB_STEP_SUMMARY", "Set by GitHub Actions: errors become annotations, results the outputs and the summary of the step."},
}

var files = []item{
	{"Pa jpsync.yaml", "The manifest."},
	{"Pa jpsync.state.json", "The state, beside the manifest: the only record of the app keys, with the master secrets. Its mode is 0600."},
	{"Pa jpsync.state.json.backup", "The state before the last change."},
	{"Pa jpsync.state.json.journal", "What an interrupted apply left. The next run replays it; do not remove it."},
	{"Pa jpsync.state.json.lock", "Locked by the run that is under way. The lock ends with its process."},
	{"Pa errored.jpsync.journal", "Answers that an apply could not record. jpsync state recover takes them into the state."},
	{"Pa .jpsync/sandbox/", "The account and the state of the embedded simulator."},
}

var examples = []struct{ what, command string }{
	{"Start, and try it without an account:", "jpsync init\njpsync plan --sandbox\njpsync apply --sandbox"},
	{"In a pipeline, plan, have the plan approved, and apply just that:", "jpsync plan --out release.plan\njpsync apply release.plan"},
	{"Hand an app key to a build:", "jpsync output shop --format dotenv >> .env"},
	{"In a nightly job, exit 2 if a key pair is refused or a certificate expires soon:", "jpsync verify\njpsync certs --expiring-within 30d"},
}

// commandPage returns jpsync.1. The exit codes are the text of that topic of the help.
func commandPage(model *kong.Application, exitCodes string, date time.Time) string {
	p := &page{}
	p.begin("jpsync", "1", "keep a JPush account in step with a YAML manifest", date)

	p.macro("Sh SYNOPSIS")
	p.macro("Nm")
	p.macro("Ar command")
	p.macro("Op Ar argument ...")
	p.macro("Op Ar flag ...")

	p.macro("Sh DESCRIPTION")
	p.macro("Nm")
	p.text("keeps a JPush (Jiguang push) developer account in step with a YAML manifest: which apps exist, and which APNs push certificates they have. " +
		"jpsync plan shows what would change, jpsync apply changes it.")
	p.macro("Pp")
	p.text("JPush's Admin API creates and deletes apps and uploads certificates. It cannot list, read or update them, so what was done is recorded in a state. " +
		"Every answer is in the state's journal before it is reported: after a crash, the same command goes on.")
	p.macro("Pp")
	p.text("Results go to standard output, everything else to standard error.")

	p.macro("Sh FLAGS OF EVERY COMMAND")
	p.flags(model.Node.Flags)

	p.macro("Sh COMMANDS")
	for _, child := range model.Children {
		p.command(child)
	}

	p.macro("Sh ENVIRONMENT")
	p.text("Every flag has a variable, and the command line goes before it. An empty variable counts as none. A variable counts for each command that has its flag.")
	p.list("Ds", flagVariables(model.Node))
	p.macro("Pp")
	p.text("Others are:")
	p.list("Ds", variables)

	p.macro("Sh FILES")
	p.list("Ds", files)

	p.exitStatus(exitCodes)

	p.macro("Sh EXAMPLES")
	for i, e := range examples {
		if i > 0 {
			p.macro("Pp")
		}
		p.text(e.what)
		p.literal(e.command)
	}

	p.macro("Sh SEE ALSO")
	p.macro("Xr jpsync.yaml 5")
	return p.String()
}

// command writes a command and its subcommands.
func (p *page) command(node *kong.Node) {
	p.macro("Ss " + node.FullPath())
	p.macro("Nm " + node.FullPath())
	for _, argument := range node.Positional {
		p.macro(synopsis(argument))
	}
	switch {
	case node.DefaultCmd != nil:
		p.macro("Op Ar command")
	case len(node.Children) > 0:
		p.macro("Ar command")
	}
	p.macro("Op Ar flag ...")
	p.macro("Pp")
	p.text(node.Help)
	p.prose(node.Detail)
	if len(node.Positional) > 0 {
		p.macro("Pp")
		p.text("Arguments:")
		var arguments []item
		for _, argument := range node.Positional {
			arguments = append(arguments, item{"Ar " + argument.Name, argument.Help})
		}
		p.list("Ds", arguments)
	}
	if flags := visible(node.Flags); len(flags) > 0 {
		p.macro("Pp")
		p.text("Flags:")
		p.flags(flags)
	}
	for _, child := range node.Children {
		p.command(child)
	}
}

// synopsis is how an argument is given: whether it may be left out, and repeated.
func synopsis(argument *kong.Positional) string {
	line := "Ar " + argument.Name
	if argument.IsCumulative() {
		line += " ..."
	}
	if !argument.Required {
		line = "Op " + line
	}
	return line
}

func (p *page) flags(flags []*kong.Flag) {
	var items []item
	for _, f := range visible(flags) {
		term := "Fl -" + f.Name
		if f.Short != 0 {
			term = fmt.Sprintf("Fl %c , -%s", f.Short, f.Name)
		}
		if !f.IsBool() {
			term += " Ns = Ns Ar " + quote(placeholder(f))
		}
		items = append(items, item{term, meaning(f)})
	}
	p.list("Ds", items)
}

// placeholder is what stands for a flag's value: its own name for it, or else the values to choose
// from, if there are any.
func placeholder(f *kong.Flag) string {
	if f.Enum != "" && f.PlaceHolder == "" {
		return strings.ReplaceAll(f.Enum, ",", "|")
	}
	return f.FormatPlaceHolder()
}

// meaning is a flag's help. Where that does not have the default, it is added.
func meaning(f *kong.Flag) string {
	help := f.Help
	if f.Default != "" && !f.IsBool() && !strings.Contains(help, "("+f.Default+")") {
		help += " The default is " + f.Default + "."
	}
	return help
}

// visible leaves out --help, which every command has.
func visible(flags []*kong.Flag) []*kong.Flag {
	return slices.DeleteFunc(slices.Clone(flags), func(f *kong.Flag) bool { return f.Hidden || f.Name == "help" })
}

// flagVariables are the variables of all flags, sorted, with the flag and whose it is.
func flagVariables(root *kong.Node) []item {
	flag, commands := map[string]string{}, map[string][]string{}
	var visit func(node *kong.Node)
	visit = func(node *kong.Node) {
		for _, f := range visible(node.Flags) {
			for _, variable := range f.Envs {
				flag[variable] = "--" + f.Name
				commands[variable] = append(commands[variable], node.Path())
			}
		}
		for _, child := range node.Children {
			visit(child)
		}
	}
	visit(root)
	var items []item
	for variable, name := range flag {
		of := cmp.Or(strings.Join(commands[variable], ", "), "every command")
		items = append(items, item{"Ev " + variable, name + " of " + of + "."})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.term, b.term) })
	return items
}

// exitCode is a line of the topic: the code, and what it means.
var exitCode = regexp.MustCompile(`(?m)^ +(\d+)  (.*(?:\n {7}.*)*)`)

// exitStatus writes the topic's codes, and what it says of them.
func (p *page) exitStatus(topic string) {
	p.macro("Sh EXIT STATUS")
	var items []item
	for _, m := range exitCode.FindAllStringSubmatch(topic, -1) {
		items = append(items, item{m[1], m[2] + "."})
	}
	p.list("Ds", items)
	paragraphs := strings.Split(strings.TrimSpace(topic), "\n\n")
	p.prose(strings.Join(paragraphs[2:], "\n\n")) // after the title and the codes
}
