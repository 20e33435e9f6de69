package cli

import (
	"bufio"
	"context"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// scripts are the completion scripts of the four shells. All that they know of jpsync is its
// name: they run it with completeCommand for everything else, so they need no change when a
// command or a flag is added.
//
//go:embed completion
var scripts embed.FS

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

// Run prints the script.
func (c *completionCmd) Run(t *terminal) error {
	data, err := scripts.ReadFile("completion/jpsync." + c.Shell)
	if err != nil {
		return err
	}
	_, err = t.Out.Write(data)
	return err
}

// completeCommand is the command that the scripts run: jpsync __complete SHELL -- WORD…, with
// the words of the command line after the program's name up to the cursor. The answer has a
// line for each candidate, value TAB help, and a last line that tells the shell what else to
// do: complete the names of files (:file) or directories (:dir), add no space after the word
// (:open), or nothing (:done). It prints no error and always exits 0.
const completeCommand = "__complete"

// complete answers one call of a completion script. The cursor is in the middle of a command
// line, so it prints no error, and recovers from panics without a word.
func complete(ctx context.Context, parser *kong.Kong, cmd *root, args []string, host Host) {
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
		words[last] = strings.TrimPrefix(words[last], ".") // the script adds it: an empty argument would be dropped
	}
	q := newQuery(ctx, parser, cmd, words[:last], newTerminal(host, "never", true, false))
	q.answer(words[last]).print(host.Out, words[last], shell == "bash" && !quoted)
}

// candidate is one word that may be completed to.
type candidate struct{ value, help string }

// proposal is what may continue a command line.
type proposal struct {
	words []candidate
	paths string // "file" or "dir": the shell completes names of these as well
}

// print writes the candidates that begin with the word, each once.
func (p proposal) print(w io.Writer, word string, escape bool) {
	b := bufio.NewWriter(w)
	defer b.Flush()
	seen, open := map[string]bool{}, true
	for _, c := range p.words {
		if c.value == "" || !strings.HasPrefix(c.value, word) || seen[c.value] || strings.ContainsAny(c.value, "\t\r\n\x1b") {
			continue
		}
		seen[c.value] = true
		open = open && strings.HasSuffix(c.value, "=") // the value after = belongs to the same word
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

// unquote returns the text that a word of a bash command line stands for. A quote may still
// be open. Expansions such as $HOME stay as they are.
func unquote(word string) string {
	var b strings.Builder
	quote := rune(0)
	escaped := false
	for _, r := range word {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\\\"$`", r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// quoteBash escapes the characters that are special to bash.
func quoteBash(word string) string {
	var b strings.Builder
	for i, r := range word {
		if strings.ContainsRune(" \"'\\$`&|;<>()*?[]{}!^", r) || i == 0 && (r == '~' || r == '#') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
