package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completeCommand is what the completion scripts call: jpsync __complete SHELL -- WORD…,
// with the words after the program's name up to the cursor. It answers with a line for each
// candidate, value and explanation with a tab between them, and a last line that says what
// else: :file or :dir for the shell's own completion of paths, :open for no space after the
// word, :done otherwise. It prints no error and always succeeds.
const completeCommand = "__complete"

// candidate is one word that would go on.
type candidate struct{ value, help string }

// proposal is the answer to one question.
type proposal struct {
	words []candidate
	paths string // file or dir: the shell completes paths as well
}

// query is a command line under way. It is read from the model that also parses, so that a
// new flag is completed as soon as there is one.
type query struct {
	ctx     context.Context
	t       *terminal
	root    *kong.Application
	node    *kong.Node        // the command so far
	args    []string          // its positional arguments so far
	flags   map[string]string // the last value of each flag so far
	pending *kong.Flag        // the flag whose value comes next
	literal bool              // after --, where no flag follows
	word    string            // what there is of the value that is asked for
}

// complete answers a completion script. Whatever goes wrong, nothing is said: the terminal
// is in the middle of a line.
func complete(ctx context.Context, root *kong.Application, args []string, host Host) {
	defer func() { _ = recover() }()
	if len(args) < 3 || args[1] != "--" {
		return
	}
	shell, words := args[0], slices.Clone(args[2:])
	last := len(words) - 1
	quoted := false
	switch shell {
	case "bash":
		quoted = strings.HasPrefix(words[last], `"`) || strings.HasPrefix(words[last], "'")
		for i, word := range words {
			words[i] = unquote(word)
		}
	case "powershell":
		words[last] = strings.TrimPrefix(words[last], ".") // it leaves empty arguments out
	}
	q := &query{ctx: ctx, t: newTerminal(host, "never", true, false), root: root, node: root.Node, flags: map[string]string{}}
	for _, word := range words[:last] {
		q.read(word)
	}
	q.answer(words[last]).print(host.Out, words[last], shell == "bash" && !quoted)
}

// print writes what continues the word.
func (p proposal) print(w io.Writer, word string, escape bool) {
	b := bufio.NewWriter(w)
	defer b.Flush()
	seen, open := map[string]bool{}, true
	for _, c := range p.words {
		if c.value == "" || !strings.HasPrefix(c.value, word) || seen[c.value] || strings.ContainsAny(c.value, "\t\r\n\x1b") {
			continue
		}
		seen[c.value] = true
		open = open && strings.HasSuffix(c.value, "=") // what follows the = is of the same word
		value := c.value
		if escape {
			value = quoteBash(value)
		}
		fmt.Fprintf(b, "%s\t%s\n", value, strings.Join(strings.Fields(c.help), " "))
	}
	switch {
	case p.paths != "":
		fmt.Fprintln(b, ":"+p.paths)
	case open && len(seen) > 0:
		fmt.Fprintln(b, ":open")
	default:
		fmt.Fprintln(b, ":done")
	}
}

// read takes one word that is finished.
func (q *query) read(word string) {
	switch {
	case q.pending != nil:
		q.flags[q.pending.Name] = word
		q.pending = nil
	case q.literal || word == "-" || !strings.HasPrefix(word, "-"):
		q.argument(word)
	case word == "--":
		q.literal = true
	case strings.HasPrefix(word, "--"):
		name, value, given := strings.Cut(word[2:], "=")
		flag := q.flag(func(f *kong.Flag) bool { return f.Name == name })
		switch {
		case flag == nil:
		case given:
			q.flags[flag.Name] = value
		case flag.IsBool():
			q.flags[flag.Name] = "true"
		default:
			q.pending = flag
		}
	default:
		q.short([]rune(word[1:]))
	}
}

// short takes -m PATH, -mPATH, and several flags without values in one word.
func (q *query) short(letters []rune) {
	for i, letter := range letters {
		flag := q.flag(func(f *kong.Flag) bool { return f.Short == letter })
		switch {
		case flag == nil:
		case flag.IsBool():
			q.flags[flag.Name] = "true"
		case i+1 < len(letters):
			q.flags[flag.Name] = strings.TrimPrefix(string(letters[i+1:]), "=")
			return
		default:
			q.pending = flag
		}
	}
}

// argument takes a command's name or a positional argument.
func (q *query) argument(word string) {
	if len(q.args) == 0 {
		for _, child := range q.node.Children {
			if child.Name == word || slices.Contains(child.Aliases, word) {
				q.node = child
				return
			}
		}
	}
	if q.node.DefaultCmd != nil {
		q.node = q.node.DefaultCmd
	}
	q.args = append(q.args, word)
}

// visible are the flags that may stand here, those of the default command included.
func (q *query) visible() []*kong.Flag {
	var flags []*kong.Flag
	node := q.node
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	for _, group := range slices.Backward(node.AllFlags(true)) {
		flags = append(flags, group...)
	}
	return flags
}

func (q *query) flag(is func(*kong.Flag) bool) *kong.Flag {
	for _, f := range q.visible() {
		if is(f) {
			return f
		}
	}
	return nil
}

// answer proposes what continues the last word.
func (q *query) answer(word string) proposal {
	q.word = word
	if q.pending != nil {
		return q.valueOf(q.pending.Value, "--"+q.pending.Name)
	}
	if !q.literal && strings.HasPrefix(word, "-") {
		name, value, given := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		q.word = value
		if !given {
			return q.flagNames()
		}
		flag := q.flag(func(f *kong.Flag) bool { return f.Name == name && strings.HasPrefix(word, "--") })
		if flag == nil {
			return proposal{}
		}
		p := q.valueOf(flag.Value, "--"+name)
		for i := range p.words {
			p.words[i].value = "--" + name + "=" + p.words[i].value
		}
		return p
	}
	var p proposal
	if len(q.args) == 0 {
		for _, child := range q.node.Children {
			if !child.Hidden {
				p.words = append(p.words, candidate{child.Name, child.Help})
			}
		}
	}
	node := q.node
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	if n := len(node.Positional); n > 0 {
		at := len(q.args)
		if at >= n && node.Positional[n-1].IsCumulative() {
			at = n - 1
		}
		if at < n {
			values := q.valueOf(node.Positional[at], node.Positional[at].Name)
			p.words, p.paths = append(p.words, values.words...), values.paths
		}
	}
	return p
}

// flagNames are the flags that are not there yet, and those that may stand there again.
func (q *query) flagNames() proposal {
	var p proposal
	for _, f := range q.visible() {
		if _, given := q.flags[f.Name]; !given || f.IsCumulative() {
			p.words = append(p.words, candidate{"--" + f.Name, f.Help})
		}
	}
	return p
}

// value is what a flag has on this command line: as given, from the environment, or by
// default.
func (q *query) value(name string) string {
	if v, ok := q.flags[name]; ok {
		return home(v)
	}
	for _, f := range q.root.Flags {
		if f.Name != name {
			continue
		}
		for _, env := range f.Tag.Envs {
			if v := os.Getenv(env); v != "" {
				return v
			}
		}
		return f.Default
	}
	return ""
}
