package report

import (
	"errors"
	"fmt"
	"strings"

	"jpsync/executor"
	"jpsync/internal/jpush"
)

// Language is the language of a text for people. Only the meanings and remedies of the Admin
// API's codes are translated; all else is English, and so is what programs read. The zero
// Language is English.
type Language string

// The languages.
const (
	English Language = ""
	Chinese Language = "zh"
)

// LanguageOf returns the language that the environment asks for: JPSYNC_LANG, or else the
// locale, whose variables POSIX puts in this order. The first one that is set decides.
// Anything but Chinese is English.
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

// chinese accepts zh alone and zh with a territory or a script, such as zh_CN.UTF-8 and zh-Hans.
func chinese(locale string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(locale), "zh")
	return ok && (rest == "" || strings.ContainsRune("_-.@", rune(rest[0])))
}

// ErrorText returns the text of err with the meaning and the remedy of an API error in it
// translated.
func ErrorText(err error, l Language) string {
	text := err.Error()
	if e, ok := errors.AsType[*jpush.Error](err); ok && l == Chinese {
		text = translate(text, e.Entry())
	}
	return text
}

// Remedy returns what to do about an API error.
func Remedy(e *jpush.Error, l Language) string {
	if l == Chinese {
		return e.Entry().Remedy.ZH
	}
	return e.Remedy()
}

// Reason returns in a few words why a change failed: what the API's code means, or "" if the
// event has no entry of the table of codes.
func (l Language) Reason(e executor.Event) string {
	entry, ok := entryOf(e.Code, e.Message)
	if !ok {
		return ""
	}
	reason := entry.Meaning.EN
	if l == Chinese {
		reason = entry.Meaning.ZH
	}
	if e.Code != 0 {
		reason += fmt.Sprintf(" (code %d)", e.Code)
	}
	return reason
}

// failure translates a message of the executor and its remedy.
func (l Language) failure(code int, message, remedy string) (string, string) {
	entry, ok := entryOf(code, message)
	if l != Chinese || !ok {
		return message, remedy
	}
	if remedy != "" {
		remedy = entry.Remedy.ZH
	}
	return translate(message, entry), remedy
}

// entryOf returns the entry of the table of codes that a message of the executor quotes. It
// goes by the code, or else by the meaning: of several that fit, the longest one is quoted.
func entryOf(code int, message string) (found jpush.Entry, ok bool) {
	if entry, known := jpush.LookupCode(code); known && quotes(message, entry) {
		return entry, true
	}
	for _, entry := range jpush.Entries() {
		if entry.Condition != "" && quotes(message, entry) && len(entry.Meaning.EN) > len(found.Meaning.EN) {
			found, ok = entry, true
		}
	}
	return found, ok
}

// In a message, a colon precedes the meaning and a semicolon the remedy; see
// [jpush.Error.Error]. Without them the same words are somebody else's.
func quotes(message string, entry jpush.Entry) bool {
	return strings.Contains(message, ": "+entry.Meaning.EN)
}

func translate(text string, entry jpush.Entry) string {
	text = strings.ReplaceAll(text, ": "+entry.Meaning.EN, ": "+entry.Meaning.ZH)
	return strings.ReplaceAll(text, "; "+entry.Remedy.EN, "; "+entry.Remedy.ZH)
}
