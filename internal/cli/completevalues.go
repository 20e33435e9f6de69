package cli

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// sources say where the values of flags and arguments come from that neither an enum nor a
// placeholder tells: --flag for each command that has it, or "command argument".
var sources = map[string]func(*query) proposal{
	"--target":            (*query).everyID,
	"--exclude":           (*query).everyID,
	"--replace":           (*query).recordedIDs,
	"--accept":            (*query).recordedIDs,
	"--select":            (*query).labels,
	"--allow-cert":        fixed(planner.AllowableCodes...),
	"output --format":     (*query).outputFormats,
	"output id":           (*query).recordedIDs,
	"state show id":       (*query).recordedIDs,
	"state mv old":        (*query).recordedIDs,
	"state mv new":        (*query).unrecordedIDs,
	"state rm id":         (*query).recordedIDs,
	"import id":           (*query).unrecordedIDs,
	"apply planfile":      paths("file"),
	"show planfile":       paths("file"),
	"certs inspect file":  paths("file"),
	"certs make-test dir": paths("dir"),
	"completion shell":    fixed(shells...),
	"help topic":          (*query).topics,
}

func fixed(values ...string) func(*query) proposal {
	return func(*query) proposal { return words(values) }
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

// valueOf proposes values of a flag or an argument.
func (q *query) valueOf(v *kong.Value, name string) proposal {
	node := q.node
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	if source, ok := sources[node.Path()+" "+name]; ok {
		return source(q)
	}
	if source, ok := sources[name]; ok {
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

// globals are the flags that say where manifest and state are.
func (q *query) globals() *globals {
	sandbox, _ := strconv.ParseBool(q.value("sandbox"))
	return &globals{Manifest: q.value("manifest"), State: q.value("state"), CertRoot: q.value("cert-root"), Sandbox: sandbox}
}

// recorded reads the state; one that cannot be read has no apps.
func (q *query) recorded() map[string]state.App {
	store, err := openStore(q.t, q.globals())
	if err != nil {
		return nil
	}
	st, err := state.View(q.ctx, store, state.Options{FS: q.t.FS})
	if err != nil {
		return nil
	}
	return st.Apps
}

// desired reads the manifest; one with errors has no apps.
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
	for _, id := range slices.Sorted(maps.Keys(apps)) {
		if !slices.Contains(q.args, id) {
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

// everyID is what a pattern can match: ids of the manifest and those that left it.
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
	return words(slices.Sorted(maps.Keys(found)))
}

func (q *query) outputFormats() proposal {
	if strings.HasPrefix(q.word, templatePrefix) {
		return proposal{paths: "file"}
	}
	return words(append(slices.Clone(outputFormats), templatePrefix))
}

// topics are the commands below the ones that are named already, and the pages at the top.
func (q *query) topics() proposal {
	node := q.root.Node
	for _, arg := range q.args {
		i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == arg && !n.Hidden })
		if i < 0 {
			return proposal{}
		}
		node = node.Children[i]
	}
	var p proposal
	for _, child := range node.Children {
		if !child.Hidden {
			p.words = append(p.words, candidate{child.Name, child.Help})
		}
	}
	if len(q.args) == 0 {
		for _, topic := range topicPages {
			p.words = append(p.words, candidate{topic.name, topic.help})
		}
	}
	return p
}
