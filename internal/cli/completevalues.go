package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/state"
)

// sources propose the values of a flag or an argument. Its tag complete names one, where
// neither an enum nor a placeholder says what the values are.
var sources = map[string]func(*query) proposal{
	"file":       paths("file"),
	"dir":        paths("dir"),
	"recorded":   (*query).recordedIDs,
	"unrecorded": (*query).unrecordedIDs,
	"every":      (*query).everyID,
	"label":      (*query).labels,
	"format":     (*query).outputFormats,
	"topic":      (*query).topics,
}

func paths(kind string) func(*query) proposal {
	return func(*query) proposal { return proposal{paths: kind} }
}

func words(values []string) proposal {
	var p proposal
	for _, v := range values {
		p.words = append(p.words, candidate{value: v})
	}
	return p
}

// valueOf proposes values of a flag or a positional argument.
func (q *query) valueOf(v *kong.Value) proposal {
	if source, ok := sources[v.Tag.Get("complete")]; ok {
		return source(q)
	}
	switch {
	case v.Enum != "":
		return words(v.EnumSlice())
	case v.IsBool():
		return words([]string{"true", "false"})
	case v.Tag.PlaceHolder == "FILE" || v.Tag.PlaceHolder == "PATH":
		return proposal{paths: "file"}
	case v.Tag.PlaceHolder == "DIR":
		return proposal{paths: "dir"}
	}
	return proposal{}
}

// globals returns the flags that say where manifest and state are, with the ~ that a shell
// expands only when it runs the command.
func (q *query) globals() *globals {
	g := q.cmd.globals
	for _, path := range []*string{&g.Manifest, &g.State, &g.CertRoot} {
		*path = home(*path)
	}
	return &g
}

// home expands a leading ~/.
func home(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if dir, err := os.UserHomeDir(); ok && err == nil {
		return filepath.Join(dir, rest)
	}
	return path
}

// completeTimeout bounds the wait for a shared state: the cursor waits too.
const completeTimeout = 2 * time.Second

// recorded returns the apps of the state, none when it cannot be read.
func (q *query) recorded() map[string]state.App {
	ctx, cancel := context.WithTimeout(q.ctx, completeTimeout)
	defer cancel()
	st, err := readState(ctx, q.t, q.globals())
	if err != nil {
		return nil
	}
	return st.Apps
}

// desired returns the apps of the manifest, none when it has errors.
func (q *query) desired() []manifest.App {
	g := q.globals()
	m, err := manifest.Load(g.Manifest, manifest.Options{CertRoot: g.CertRoot})
	if err != nil {
		return nil
	}
	return m.Apps
}

func (q *query) recordedIDs() proposal {
	apps := q.recorded()
	var p proposal
	for _, id := range sortedKeys(apps) {
		if !slices.Contains(q.before, id) {
			p.words = append(p.words, candidate{id, apps[id].AppName + " " + apps[id].AndroidPackage})
		}
	}
	return p
}

func (q *query) unrecordedIDs() proposal {
	apps := q.recorded()
	var p proposal
	for _, app := range q.desired() {
		if _, ok := apps[app.ID]; !ok {
			p.words = append(p.words, candidate{app.ID, app.AppName + " " + app.AndroidPackage})
		}
	}
	return p
}

// everyID proposes what a pattern may match: the ids of the state and of the manifest.
func (q *query) everyID() proposal {
	p := q.recordedIDs()
	for _, app := range q.desired() {
		p.words = append(p.words, candidate{app.ID, app.AppName + " " + app.AndroidPackage})
	}
	return p
}

func (q *query) labels() proposal {
	found := map[string]bool{}
	for _, app := range q.desired() {
		for key, value := range app.Labels {
			found[key+"="+value] = true
		}
	}
	return words(sortedKeys(found))
}

func (q *query) outputFormats() proposal {
	if strings.HasPrefix(q.word, report.TemplatePrefix) {
		return proposal{paths: "file"}
	}
	return words(append(slices.Clone(report.KeyFormats), report.TemplatePrefix))
}

// topics proposes the subcommands of the command that is named so far, and topics when none is.
func (q *query) topics() proposal {
	node := q.model.Node
	for _, name := range q.cmd.Help.Topic {
		i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == name })
		if i < 0 {
			return proposal{}
		}
		node = node.Children[i]
	}
	p := proposal{words: subcommands(node)}
	if len(q.cmd.Help.Topic) == 0 {
		for _, topic := range topics {
			p.words = append(p.words, candidate{topic.name, topic.help})
		}
	}
	return p
}
