package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/errors.md")

func doc(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../docs", name))
	require.NoError(t, err)
	return string(data)
}

var (
	link    = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^):]+))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noSlug  = regexp.MustCompile("[^a-z0-9 _-]")
)

// Every link leads to a file and a heading that exist, and jpsync understands each command.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	require.Greater(t, len(pages), 10)
	index := doc(t, "README.md")
	commands := 0
	for _, path := range append(pages, "../../CONTRIBUTING.md", "../../SECURITY.md") {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		page := string(data)
		for _, to := range link.FindAllStringSubmatch(page, -1) {
			target := path
			if to[1] != "" {
				target = filepath.Join(filepath.Dir(path), to[1])
			}
			require.FileExists(t, orReadme(target), "%s: %s", path, to[0])
			if to[2] != "" {
				assert.Contains(t, anchors(t, target), to[2], path)
			}
		}
		for _, block := range fenced.FindAllStringSubmatch(page, -1) {
			for line := range strings.Lines(block[2]) {
				_, args, ours := strings.Cut(" "+line, " jpsync ")
				if block[1] != "sh" || !ours {
					continue
				}
				commands++
				understood(t, strings.Fields(strings.ReplaceAll(afterward.Split(strings.TrimSpace(args), 2)[0], "'", "")))
			}
		}
		if name := filepath.Base(path); strings.Contains(path, "/docs/") && name != "README.md" {
			assert.Contains(t, index, "["+name+"]("+name+")", "the index")
		}
	}
	require.Greater(t, commands, 35)
}

// orReadme is a file that stands for a directory that a link leads to.
func orReadme(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		files, _ := filepath.Glob(filepath.Join(path, "*"))
		return files[0]
	}
	return path
}

// anchors are the headings of a page as links name them.
func anchors(t *testing.T, path string) (list []string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, h := range heading.FindAllStringSubmatch(string(data), -1) {
		list = append(list, strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return list
}

// consequences say what an apply does about an error.
var consequences = map[jpush.Class]string{
	jpush.ClassApp:       "this app fails, the others go on",
	jpush.ClassConverged: "takes it as uploaded",
	jpush.ClassGone:      "this app fails; a delete that repeats an unanswered one counts as done",
	jpush.ClassSystem:    "retries",
	jpush.ClassLost:      "retries",
	jpush.ClassAuth:      "stops",
	jpush.ClassStop:      "stops",
}

// The page has the tables of internal/jpush as they are.
func TestErrorsPage(t *testing.T) {
	codes := "| code | HTTP | meaning | what to do | what jpsync does |\n|---|---|---|---|---|\n"
	conditions := "| name | HTTP | meaning | what to do | what jpsync does |\n|---|---|---|---|---|\n"
	for _, e := range jpush.Entries() {
		require.Contains(t, consequences, e.Class)
		status := "–"
		if e.Status != 0 {
			status = strconv.Itoa(e.Status)
		}
		row := fmt.Sprintf(" | %s | %s | %s | %s |\n", status, e.Meaning.EN, e.Remedy.EN, consequences[e.Class])
		if e.Code != 0 {
			codes += "| " + strconv.Itoa(e.Code) + row
		} else {
			conditions += "| `" + string(e.Condition) + "`" + row
		}
	}
	page := doc(t, "errors.md")
	wanted := written(written(page, "codes", codes), "conditions", conditions)
	if *update {
		require.NoError(t, os.WriteFile("../../docs/errors.md", []byte(wanted), 0o644))
		return
	}
	require.True(t, wanted == page, "docs/errors.md is not as the table is: go test ./internal/cli -run TestErrorsPage -update")
}

// written is a page with another table between the marks of that name.
func written(page, name, table string) string {
	marks := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^\n]*-->\n).*?(<!-- end -->)`)
	return marks.ReplaceAllString(page, "${1}\n"+strings.ReplaceAll(table, "$", "$$")+"\n${2}")
}

var (
	certificateCode = regexp.MustCompile(`(?m)^\t\w+ +(?:Code|Kind)?\s*= "([a-z0-9_]+)"`)
	warningCode     = regexp.MustCompile(`\.(?:warn|refuse)\("([a-z_]+)"`)
)

// The page explains each code of a certificate and of a plan's warnings, and no others.
func TestErrorsPageHasEveryCode(t *testing.T) {
	page := doc(t, "errors.md")
	_, page, _ = strings.Cut(page, "## Certificates\n")
	page, _, _ = strings.Cut(page, "## By exit code\n")
	wanted := map[string]bool{}
	for _, file := range []string{"internal/pushcert/check.go", "internal/pushcert/error.go", "planner/certificates.go", "planner/build.go", "planner/warnings.go"} {
		data, err := os.ReadFile(filepath.Join("../..", file))
		require.NoError(t, err)
		for _, found := range append(certificateCode.FindAllStringSubmatch(string(data), -1), warningCode.FindAllStringSubmatch(string(data), -1)...) {
			wanted[found[1]] = true
		}
	}
	for _, severity := range []pushcert.Severity{pushcert.SeverityError, pushcert.SeverityWarning} {
		delete(wanted, string(severity))
	}
	require.Greater(t, len(wanted), 30)
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)`( \\*)? \\|").FindAllStringSubmatch(page, -1) {
		explained[row[1]] = true
		assert.Equal(t, slices.Contains(planner.AllowableCodes, row[1]), row[2] != "", "%s can be allowed", row[1])
	}
	assert.Equal(t, wanted, explained)
}

var jsonTag = regexp.MustCompile("`json:\"([a-z_0-9]+)")

// The page on formats has every field of every format, in the section on it where the type
// can be named from here.
func TestFormatsPageHasEveryField(t *testing.T) {
	page := doc(t, "formats.md")
	for _, c := range []struct {
		sections string
		of       any
	}{
		{"plan --format json, The saved plan", planner.Plan{}},
		{"apply --format json", report.Summary{}},
		{"output", report.Key{}},
		{"certs --format json", planner.Due{}},
		{"certs --format json", pushcert.Certificate{}},
		{"certs --format json", pushcert.Finding{}},
		{"verify --format json", report.Verified{}},
		{"The state", state.App{}},
		{"The state", state.Intent{}},
		{"version --format json", buildInfo{}},
	} {
		text := ""
		for title := range strings.SplitSeq(c.sections, ", ") {
			_, part, found := strings.Cut(page, "\n## "+title+"\n")
			require.True(t, found, title)
			part, _, _ = strings.Cut(part, "\n## ")
			text += part
		}
		for _, name := range fieldsOf(reflect.TypeOf(c.of)) {
			assert.Contains(t, text, "`"+name+"`", c.sections)
		}
	}
	reports, err := filepath.Glob("../../internal/report/*.go")
	require.NoError(t, err)
	found := 0
	for _, file := range reports {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, tag := range jsonTag.FindAllStringSubmatch(string(data), -1) {
			found++
			assert.Contains(t, page, "`"+tag[1]+"`", file)
		}
	}
	require.Greater(t, found, 50)
	for _, code := range []int{ExitDone, ExitError, ExitPending, ExitPartial, ExitCredentials, ExitRefused, ExitLocked, ExitInterrupted} {
		assert.Contains(t, page, fmt.Sprintf("\n| %d | ", code))
	}
}

// fieldsOf are the names in JSON of a type's fields, and of those within them.
func fieldsOf(typ reflect.Type) (names []string) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct {
		return nil
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && !f.Anonymous || name == "-" {
			continue
		}
		if name != "" {
			names = append(names, name)
		}
		names = append(names, fieldsOf(f.Type)...)
	}
	return names
}
