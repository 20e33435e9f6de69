package manifest

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"jpsync/internal/jpush"
)

// ConvertOptions say how Convert reads a CSV file. The zero value is the usual way.
type ConvertOptions struct {
	Encoding string // UTF8, GB18030, or empty for UTF8
	CertRoot string // as in Options; empty: dir
	MaxBytes int64  // as in Options
}

// Convert reads a CSV file, see [Columns], and returns its apps as the list of a manifest,
// "apps:" and what follows. The manifest is to stand in dir, which has to exist. Loading it
// gives the same apps as apps_from does. The same file gives the same text.
//
// Unlike the file of apps_from, the CSV file may be anywhere, but the certificates that it
// names, relative to itself, have to be under the certificate root.
//
// What is wrong with the file is reported all at once, as [Errors].
func Convert(csv, dir string, opts ConvertOptions) (list []byte, apps int, err error) {
	l := newLoader(dir, Options{CertRoot: opts.CertRoot, MaxBytes: opts.MaxBytes})
	l.verbatim = true
	defer l.close()
	if err := l.open(); err != nil {
		return nil, 0, err
	}
	file, err := os.OpenFile(csv, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("CSV file %q %w", csv, reason(err))
	}
	data, err := l.take(file, filepath.Base(csv), "CSV file", csv)
	if err != nil {
		return nil, 0, err
	}
	if opts.Encoding == "" {
		opts.Encoding = UTF8
	}
	l.csv(data, opts.Encoding)
	if err := l.errs.errors(l.names); err != nil {
		return nil, 0, err
	}
	target, err := realDir(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("the manifest's directory %q %w", dir, reason(err))
	}
	way, err := filepath.Rel(filepath.FromSlash(target), filepath.FromSlash(l.dir))
	if err != nil {
		return nil, 0, fmt.Errorf("there is no way from %q to %q", dir, csv)
	}
	w := listWriter{way: filepath.ToSlash(way)}
	w.list(l.apps, l.flags)
	return w.Bytes(), len(l.apps), nil
}

// listWriter writes apps as YAML.
type listWriter struct {
	bytes.Buffer
	way string // from the manifest's directory to that of the paths
}

func (w *listWriter) list(apps []App, flags []unless) {
	if len(apps) == 0 {
		w.WriteString("apps: []\n")
		return
	}
	w.WriteString("apps:\n")
	for i := range apps {
		w.app(&apps[i], flags[i])
	}
}

func (w *listWriter) app(a *App, flags unless) {
	w.pair("  - id", a.ID)
	w.pair("    app_name", a.AppName)
	w.pair("    android_package", a.AndroidPackage)
	if a.GroupName != "" {
		w.pair("    group_name", a.GroupName)
	} else if flags&ownGroup != 0 {
		w.WriteString("    group_name: null\n")
	}
	if a.BundleID != "" {
		w.pair("    bundle_id", a.BundleID)
	}
	if a.Protect != nil {
		fmt.Fprintf(w, "    protect: %t\n", *a.Protect)
	}
	if len(a.Labels) > 0 {
		w.WriteString("    labels:\n")
		for _, key := range sortedKeys(a.Labels) {
			w.pair("      "+quote(key), a.Labels[key])
		}
	}
	if flags&(ownDevelopment|ownProduction) != 0 {
		w.WriteString("    certificates:\n")
	}
	for _, env := range jpush.Environments {
		if flags&own(env) != 0 {
			w.certificate(env, a.Certificates)
		}
	}
}

func (w *listWriter) certificate(env jpush.Environment, all map[jpush.Environment]Certificate) {
	c, ok := all[env]
	if !ok {
		fmt.Fprintf(w, "      %s: null\n", env)
		return
	}
	fmt.Fprintf(w, "      %s:\n", env)
	w.pair("        file", w.from(c.File))
	switch s := c.Password; {
	case s == nil:
	case s.Env != "":
		fmt.Fprintf(w, "        password:\n          env: %s\n", quote(s.Env))
	default:
		fmt.Fprintf(w, "        password:\n          file: %s\n", quote(w.from(s.File)))
	}
}

// from makes a path of the CSV file one of the manifest. A path is cleaned only where
// placeholders cannot be hurt by it.
func (w *listWriter) from(file string) string {
	switch {
	case w.way == ".":
		return file
	case strings.Contains(file, "${"):
		return w.way + "/" + file
	}
	return path.Join(w.way, file)
}

func (w *listWriter) pair(key, value string) {
	w.WriteString(key)
	w.WriteString(": ")
	w.WriteString(quote(value))
	w.WriteByte('\n')
}
