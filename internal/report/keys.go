package report

import (
	"fmt"
	"io"
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

// The forms that app keys can be printed in. Those of [KeysSecret] and [KeysTemplate] need to
// be told more and have functions of their own.
const (
	KeysJSON     KeyFormat = "json"     // an object by id
	KeysDotenv   KeyFormat = "dotenv"   // NAME=value lines that every reader takes alike
	KeysTable    KeyFormat = "table"    // for people
	KeysGitHub   KeyFormat = "github"   // lines for the file that $GITHUB_OUTPUT names
	KeysGitLab   KeyFormat = "gitlab"   // a dotenv report: no quotes, no comments
	KeysGradle   KeyFormat = "gradle"   // a .properties file
	KeysXcconfig KeyFormat = "xcconfig" // build settings
)

// Keys writes app keys in one of the formats, everything or nothing: half of a release's keys
// would pass for all of them. It fails when two ids would get the same name, and when a
// format has no way to say a value.
func Keys(w io.Writer, keys []Key, format KeyFormat) error {
	var text string
	var err error
	switch format {
	case KeysJSON:
		byID := make(map[string]Key, len(keys))
		for _, k := range keys {
			byID[k.ID] = k
		}
		return JSON(w, byID)
	case KeysTable:
		return KeysText(w, keys, Style{})
	case KeysDotenv, KeysGitLab:
		text, err = assignments(keys, plain, "=", nil)
	case KeysGitHub:
		text, err = assignments(keys, oneLine, "=", nil)
	case KeysXcconfig:
		text, err = assignments(keys, plain, " = ", xcconfigValue)
	case KeysGradle:
		text, err = properties(keys)
	default:
		err = fmt.Errorf("there is no format %q for app keys", format)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// KeysText writes app keys as a table for people.
func KeysText(w io.Writer, keys []Key, st Style) error {
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
	return columnsText(w, rows, st, 1, 0, 2)
}
