package main

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// item is an entry of a list: a term, and what it means.
type item struct{ Name, Meaning string }

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
	for _, variable := range slices.Sorted(maps.Keys(flag)) {
		of := cmp.Or(strings.Join(commands[variable], ", "), "every command")
		items = append(items, item{variable, flag[variable] + " of " + of + "."})
	}
	return items
}

// exitCode is a line of the topic: the code, and what it means.
var exitCode = regexp.MustCompile(`(?m)^ +(\d+)  (.*(?:\n {7}.*)*)`)

// exitCodes returns the topic's codes, and what it says of them.
func exitCodes(topic string) (codes []item, more string) {
	for _, m := range exitCode.FindAllStringSubmatch(topic, -1) {
		codes = append(codes, item{m[1], m[2] + "."})
	}
	paragraphs := strings.Split(strings.TrimSpace(topic), "\n\n")
	return codes, strings.Join(paragraphs[2:], "\n\n") // after the title and the codes
}
