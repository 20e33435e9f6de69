package planner

import (
	"fmt"
	"strings"

	"jpsync/internal/jpush"
	"jpsync/manifest"
)

// use is one slot that wants a certificate.
type use struct {
	app *manifest.App
	env jpush.Environment
}

// sharing finds certificates that stand in several apps. Hardly any does, so there is one
// entry per certificate and a list only for those that are shared.
type sharing struct {
	first  map[string]use   // fingerprint -> the first slot that wants it
	more   map[string][]use // and the slots of other apps
	shared []string         // the fingerprints in more, in the order of the manifest
}

func (s *sharing) add(fingerprint string, u use) {
	first, again := s.first[fingerprint]
	if !again {
		s.first[fingerprint] = u
		return
	}
	others := s.more[fingerprint]
	if first.app == u.app || len(others) > 0 && others[len(others)-1].app == u.app {
		return
	}
	if s.more == nil {
		s.more = map[string][]use{}
	}
	if others == nil {
		s.shared = append(s.shared, fingerprint)
	}
	s.more[fingerprint] = append(others, u)
}

// mostNamed is how many other apps a warning of a shared certificate names.
const mostNamed = 3

// sharedCertificates warns of one certificate in several apps: a push certificate is for
// one bundle, so all but one of them would get nobody's pushes. The warning is about the
// first of them that is selected.
func (b *builder) sharedCertificates() {
	for _, fingerprint := range b.sharing.shared {
		uses := append([]use{b.sharing.first[fingerprint]}, b.sharing.more[fingerprint]...)
		about := -1
		for i, u := range uses {
			if b.selects(u.app) {
				about = i
				break
			}
		}
		if about < 0 {
			continue
		}
		var names []string
		for i, u := range uses {
			if i != about && len(names) < mostNamed {
				names = append(names, u.app.ID)
			}
		}
		text := strings.Join(names, ", ")
		if more := len(uses) - 1 - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		b.warn(Problem{Code: "shared_certificate", App: uses[about].app.ID, Environment: uses[about].env, Message: "the same certificate is given to " + text + ": a push certificate works for one bundle ID only"})
	}
}
