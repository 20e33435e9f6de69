package report

import (
	"cmp"
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
	if chinese(cmp.Or(getenv("JPSYNC_LANG"), getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))) {
		return Chinese
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

// Remedy returns what to do about an error of the API or of a store, or "" if it does not know.
func Remedy(err error, l Language) string {
	if e, ok := errors.AsType[*jpush.Error](err); ok && l == Chinese {
		return e.Entry().Remedy.ZH
	}
	return executor.RemedyOf(err)
}

// Reason returns in a few words why a change failed: what the API's answer means, or "" for
// an error that is no answer of the API.
func (l Language) Reason(err error) string {
	e, ok := errors.AsType[*jpush.Error](err)
	if !ok {
		return ""
	}
	reason := e.Entry().Meaning.EN
	if l == Chinese {
		reason = e.Entry().Meaning.ZH
	}
	if e.Code != 0 {
		reason += fmt.Sprintf(" (code %d)", e.Code)
	}
	return reason
}

// failure returns what went wrong in a step, and what to do about it.
func (l Language) failure(s executor.Step) (message, remedy string) {
	message, remedy = s.Message(), s.Remedy
	if e, ok := errors.AsType[*jpush.Error](s.Err); ok && l == Chinese {
		message = translate(message, e.Entry())
		if remedy == e.Remedy() {
			remedy = e.Entry().Remedy.ZH
		}
	}
	return message, remedy
}

// translate replaces the meaning and the remedy of an entry in a message. The meaning is where
// the message begins or a colon precedes it, and a semicolon precedes the remedy, see
// [jpush.Error.Error]; elsewhere the same words are somebody else's.
func translate(text string, entry jpush.Entry) string {
	if rest, ok := strings.CutPrefix(text, entry.Meaning.EN); ok {
		text = entry.Meaning.ZH + rest
	}
	text = strings.ReplaceAll(text, ": "+entry.Meaning.EN, ": "+entry.Meaning.ZH)
	return strings.ReplaceAll(text, "; "+entry.Remedy.EN, "; "+entry.Remedy.ZH)
}
