package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Key is what a release needs to know of one app. MasterSecret is empty unless it was
// asked for.
type Key struct {
	ID             string `json:"-"`
	AppName        string `json:"app_name"`
	AndroidPackage string `json:"android_package"`
	AppKey         string `json:"app_key"`
	MasterSecret   string `json:"master_secret,omitempty"`
}

// KeyFormat names a form of [Keys].
type KeyFormat string

// The forms that app keys can be printed in.
const (
	KeysJSON   KeyFormat = "json"
	KeysDotenv KeyFormat = "dotenv"
	KeysTable  KeyFormat = "table"
)

// Keys writes app keys: as a JSON object by id, as NAME=value lines for a dotenv file, or as
// a table. It fails when two ids would get the same variable.
func Keys(w io.Writer, keys []Key, format KeyFormat) error {
	switch format {
	case KeysJSON:
		byID := make(map[string]Key, len(keys))
		for _, k := range keys {
			byID[k.ID] = k
		}
		return JSON(w, byID)
	case KeysDotenv:
		return dotenv(w, keys)
	}
	return table(w, keys)
}

func dotenv(w io.Writer, keys []Key) error {
	b := bufio.NewWriter(w)
	owner := make(map[string]string, len(keys))
	for _, k := range keys {
		name := variable(k)
		if other, taken := owner[name]; taken {
			return fmt.Errorf("%s and %s would both be the variable JPUSH_APP_KEY_%s: name one of them alone, or use --format json", other, k.ID, name)
		}
		owner[name] = k.ID
		fmt.Fprintf(b, "JPUSH_APP_KEY_%s=%s\n", name, k.AppKey)
		if k.MasterSecret != "" {
			fmt.Fprintf(b, "JPUSH_MASTER_SECRET_%s=%s\n", name, k.MasterSecret)
		}
	}
	return b.Flush()
}

// variable makes a shell variable's name of an id: upper case, and an underscore for what a
// variable cannot have. An id of Chinese characters has nothing left then, so the package
// stands for it.
func variable(k Key) string {
	source := k.ID
	if strings.IndexFunc(source, func(r rune) bool { return r > 0x7f }) >= 0 {
		source = k.AndroidPackage
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, source)
}

func table(w io.Writer, keys []Key) error {
	rows := [][]string{{"ID", "APP NAME", "PACKAGE", "APP KEY"}}
	for _, k := range keys {
		row := []string{k.ID, k.AppName, k.AndroidPackage, k.AppKey}
		if k.MasterSecret != "" {
			row = append(row, k.MasterSecret)
			if len(rows[0]) == 4 {
				rows[0] = append(rows[0], "MASTER SECRET")
			}
		}
		rows = append(rows, row)
	}
	return columnsText(w, rows)
}

// columnsText writes rows in columns, two spaces apart, whatever script they are in.
func columnsText(w io.Writer, rows [][]string) error {
	var widest []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widest) {
				widest = append(widest, 0)
			}
			widest[i] = max(widest[i], width(printable(cell)))
		}
	}
	b := bufio.NewWriter(w)
	for _, row := range rows {
		for i, cell := range row {
			cell = printable(cell)
			if i < len(row)-1 {
				cell = pad(cell, widest[i]+2)
			}
			b.WriteString(cell)
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}
