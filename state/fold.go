package state

import "jpsync/internal/jpush"

// take is what one record means for the state: a request has gone out, or it has ended. An
// intent of which nothing was sent means nothing.
func (s *State) take(en entry) {
	if en.intent != nil {
		if en.sent {
			s.Pending[en.id] = *en.intent
		}
		return
	}
	delete(s.Pending, en.id)
	switch r := en.result; {
	case r.Failed:
	case r.App != nil:
		s.Apps[en.id] = *r.App
	case r.Op == OpDelete:
		delete(s.Apps, en.id)
	}
}

// fold returns what the state becomes with an old journal. s stays as it is. The result is
// s itself when the journal is in it already.
//
// A journal that continues exactly this state is taken record by record. When the state has
// moved on, which takes a hand or a restored backup, see merge. Another lineage is refused,
// and so is a journal that continues a state which is not there.
func fold(s *State, r *replay) (*State, error) {
	h := r.header
	if s.Journal == h.ID {
		return s, nil
	}
	if s.Lineage != h.Lineage && (s.Lineage != "" || h.Serial != 0) {
		return nil, &ForeignJournalError{Lineage: h.Lineage, Serial: h.Serial, State: s.Lineage}
	}
	next := s.Clone()
	next.Lineage = h.Lineage
	if err := next.bind(h.Endpoint, h.Account); err != nil {
		return nil, err
	}
	if s.Serial != h.Serial {
		if err := merge(next, r.entries); err != nil {
			return nil, err
		}
	} else {
		for _, en := range r.entries {
			next.take(en)
		}
	}
	next.Journal = h.ID
	return next, nil
}

// bind ties the state to an endpoint and an account, or refuses others than it is tied to.
func (s *State) bind(endpoint, account string) error {
	if s.Endpoint != "" && s.Endpoint != endpoint {
		return &MismatchError{Field: "endpoint", Recorded: s.Endpoint, Given: endpoint}
	}
	if s.Account != "" && s.Account != account {
		return &MismatchError{Field: "account", Recorded: s.Account, Given: account}
	}
	s.Endpoint, s.Account = endpoint, account
	return nil
}

// merge folds a journal into a state that it does not continue. What the server answered
// stays true whatever the state says, and an app is known by its app key, not by its id:
//
//   - a record goes to whichever id has that app key; to its own id when none has it. When
//     that id has another app key by now, nobody can tell which is right: a [*ConflictError].
//   - of two certificates for one environment, the one uploaded later stays;
//   - a delete removes whichever id has the app key that the delete was for, if any has;
//   - a create that nobody answered stays pending unless its id has an app by now, and a
//     delete as long as the id has that app key.
func merge(s *State, entries []entry) error {
	holder := make(map[string]string, len(s.Apps)) // id by app key
	for id, a := range s.Apps {
		holder[a.AppKey] = id
	}
	sent := map[string]Intent{} // the last request of an id, answered or not
	open := map[string]Intent{}
	for _, en := range entries {
		if en.intent != nil {
			if en.sent {
				sent[en.id], open[en.id] = *en.intent, *en.intent
			}
			continue
		}
		delete(open, en.id)
		switch r := en.result; {
		case r.Failed:
		case r.App != nil:
			id, known := holder[r.App.AppKey]
			if !known {
				id = en.id
			}
			old, taken := s.Apps[id]
			if taken && !known {
				return &ConflictError{ID: id, Recorded: old.AppKey, Journal: r.App.AppKey}
			}
			s.Apps[id] = combine(old, *r.App)
			holder[r.App.AppKey] = id
		case sent[en.id].Op == OpDelete:
			key := sent[en.id].AppKey
			if id, known := holder[key]; known {
				delete(s.Apps, id)
				delete(holder, key)
			}
		}
	}
	for id, in := range open {
		a, recorded := s.Apps[id]
		if recorded == (in.Op == OpDelete) && (!recorded || a.AppKey == in.AppKey) {
			s.Pending[id] = in
		}
	}
	return nil
}

// combine is two records of one app: the journal's, with what only the state knows.
func combine(recorded, journaled App) App {
	if journaled.MasterSecret == "" {
		journaled.MasterSecret = recorded.MasterSecret
	}
	for _, env := range jpush.Environments {
		if c := recorded.Certificates.Of(env); c.UploadedAt.After(journaled.Certificates.Of(env).UploadedAt) {
			journaled.Certificates.Set(env, c)
		}
	}
	return journaled
}
