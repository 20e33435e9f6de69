package report

import (
	"errors"
	"strings"

	"jpsync/internal/jpush"
)

// Language is what the reader of a text reads. What JPush's answers mean and what to do about
// them is told in it; everything else is English, and so is whatever programs read. The zero
// Language is English.
type Language string

// The languages.
const (
	English Language = ""
	Chinese Language = "zh"
)

// LanguageOf finds the language out from the environment: JPSYNC_LANG, or else the locale in
// the order that POSIX gives its variables. The first one that is set decides, and what is
// not Chinese is English.
func LanguageOf(getenv func(string) string) Language {
	for _, name := range []string{"JPSYNC_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			if chinese(value) {
				return Chinese
			}
			return English
		}
	}
	return English
}

// chinese knows zh alone and zh with a territory or a script, such as zh_CN.UTF-8 and zh-Hans.
func chinese(locale string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(locale), "zh")
	return ok && (rest == "" || strings.ContainsRune("_-.@", rune(rest[0])))
}

// ErrorText is an error's text with the meaning and the remedy of an API error in it told in
// the language.
func ErrorText(err error, l Language) string {
	text := err.Error()
	if e, ok := errors.AsType[*jpush.Error](err); ok && l == Chinese {
		text = translate(text, e.Entry())
	}
	return text
}

// Remedy says in the language what to do about an API error.
func Remedy(e *jpush.Error, l Language) string {
	if l == Chinese {
		return e.Entry().Remedy.ZH
	}
	return e.Remedy()
}

// failure tells a message of the executor and its remedy in the language. The executor's
// events are plain English text, so the row of the table is found again by the code, and
// without one by the meaning.
func (l Language) failure(code int, message, remedy string) (string, string) {
	if l != Chinese {
		return message, remedy
	}
	row, ok := rowOf(code, message)
	if !ok {
		return message, remedy
	}
	if remedy != "" {
		remedy = row.Remedy.ZH
	}
	return translate(message, row), remedy
}

// rowOf finds the row that a message tells the meaning of. Where one meaning begins like
// another the longer one is meant.
func rowOf(code int, message string) (found jpush.Entry, ok bool) {
	if row, known := jpush.LookupCode(code); known && tells(message, row) {
		return row, true
	}
	for _, row := range jpush.Entries() {
		if row.Condition != "" && tells(message, row) && len(row.Meaning.EN) > len(found.Meaning.EN) {
			found, ok = row, true
		}
	}
	return found, ok
}

// A meaning follows what was tried or what came back, and a remedy follows a meaning: see
// [jpush.Error.Error]. Elsewhere the same words are not the table's.
const (
	beforeMeaning = ": "
	beforeRemedy  = "; "
)

func tells(message string, row jpush.Entry) bool {
	return strings.Contains(message, beforeMeaning+row.Meaning.EN)
}

func translate(text string, row jpush.Entry) string {
	text = strings.ReplaceAll(text, beforeMeaning+row.Meaning.EN, beforeMeaning+row.Meaning.ZH)
	return strings.ReplaceAll(text, beforeRemedy+row.Remedy.EN, beforeRemedy+row.Remedy.ZH)
}
