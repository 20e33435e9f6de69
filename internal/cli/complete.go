package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// query is an unfinished command line. Kong itself parses the finished words, so completion
// follows the same grammar as the command and knows every flag that the command has.
type query struct {
	ctx    context.Context
	t      *terminal
	model  *kong.Application
	cmd    *root    // the values of the flags and arguments so far
	before []string // the finished words

	given   []*kong.Path // what they are: commands, arguments and flags
	node    *kong.Node   // the last command of them
	leaf    *kong.Node   // node, or its default command
	pending *kong.Flag   // the flag whose value is asked for
	wrong   bool         // the words are in error: nothing continues them

	word string // what is typed of the value that is asked for
}

func newQuery(ctx context.Context, parser *kong.Kong, cmd *root, before []string, t *terminal) *query {
	q := &query{ctx: ctx, t: t, model: parser.Model, cmd: cmd, node: parser.Model.Node, leaf: parser.Model.Node, before: before}
	// A trace ends at the first error. One is expected: a flag whose value is to be completed
	// has none yet.
	kctx, err := kong.Trace(parser, before)
	if err != nil {
		return q
	}
	_ = kctx.Reset()
	_, _ = kctx.Apply()
	cmd.forSandbox(kctx)
	q.given = kctx.Path
	for _, p := range q.given {
		if p.Command != nil && p.Parent != p.Command { // Kong adds a default command as its own parent
			q.node = p.Command
		}
	}
	q.leaf = cmp.Or(q.node.DefaultCmd, q.node)
	if kctx.Error != nil {
		q.pending = q.withoutValue()
		q.wrong = q.pending == nil
	}
	return q
}

// answer proposes what continues the last word.
func (q *query) answer(word string) proposal {
	q.word = word
	switch {
	case q.wrong:
		return proposal{}
	case q.pending != nil:
		return q.valueOf(q.pending.Value)
	case strings.HasPrefix(word, "-") && !slices.Contains(q.before, "--"):
		return q.flag(word)
	}
	return q.argument()
}

// flag proposes flags, or values of the flag in --name=value.
func (q *query) flag(word string) proposal {
	var p proposal
	name, value, hasValue := strings.Cut(word, "=")
	for _, f := range q.flags() {
		switch {
		case hasValue && name == "--"+f.Name:
			q.word = value
			p = q.valueOf(f.Value)
			for i := range p.words {
				p.words[i].value = name + "=" + p.words[i].value
			}
			return p
		case !hasValue && (f.IsCumulative() || !q.has(f)):
			p.words = append(p.words, candidate{"--" + f.Name, f.Help})
		}
	}
	return p
}

// argument proposes subcommands and values of the next positional argument.
func (q *query) argument() proposal {
	var p proposal
	next := 0
	for _, path := range q.given {
		if path.Positional != nil && !path.Positional.IsCumulative() {
			next++
		}
	}
	if next == 0 {
		p.words = subcommands(q.node)
	}
	if next < len(q.leaf.Positional) {
		values := q.valueOf(q.leaf.Positional[next])
		p.words, p.paths = append(p.words, values.words...), values.paths
	}
	return p
}

// flags are the flags that the command takes, its own first.
func (q *query) flags() []*kong.Flag {
	var flags []*kong.Flag
	for _, group := range slices.Backward(q.leaf.AllFlags(true)) {
		flags = append(flags, group...)
	}
	return flags
}

// has reports whether the flag is given already.
func (q *query) has(f *kong.Flag) bool {
	return slices.ContainsFunc(q.given, func(p *kong.Path) bool { return p.Flag == f })
}

// withoutValue returns the flag whose value has to follow the last finished word, or nil.
func (q *query) withoutValue() *kong.Flag {
	if slices.Contains(q.before, "--") {
		return nil
	}
	word := q.before[len(q.before)-1]
	for _, f := range q.flags() {
		long := word == "--"+f.Name
		short := f.Short != 0 && strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, string(f.Short))
		if (long || short) && !f.IsBool() {
			return f
		}
	}
	return nil
}

func subcommands(node *kong.Node) []candidate {
	var list []candidate
	for _, child := range node.Children {
		list = append(list, candidate{child.Name, child.Help})
	}
	return list
}
