package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"jpsync/internal/jpush"
)

// Recovery says what came of [Recover].
type Recovery struct {
	Changed   int        // apps and pending requests that differ now
	Conflicts []Conflict // what was left out, since the state contradicts it
	Damage    error      // why the file's records after some point cannot be read; nil: all can
	// Kept is where the file is now, when it is still there.
	Kept string
	// Clear says that the file has master secrets that are not encrypted.
	Clear bool
}

// Complete reports whether the state has everything that the file has.
func (r *Recovery) Complete() bool { return len(r.Conflicts) == 0 && r.Damage == nil }

// Conflict is one thing that was left out: a record whose id has another app by now, or a request without an
// answer whose id has a newer one.
type Conflict struct {
	ID       string
	Recorded string  // the app key in the state
	Found    string  // the app key in the file
	Request  *Intent // nil for a record
}

// Recover takes the results of a recovery file, or of a journal that does not continue the
// state, into the state, wherever nothing contradicts them. An app is known by its app key,
// not by its id:
//
//   - a record goes to the id that has its app key, or to its own id when none has. When that
//     id has another app key, nobody can tell which is right: it is left out, see [Conflict].
//   - of two certificates for one environment, the one uploaded later stays. Of the rest,
//     what the state with the higher serial says.
//   - a delete removes the record that has the app key.
//   - a create without a result is pending unless its id has an app by now, and a delete as
//     long as its id has that app key. Of two under one id the newer one stays, and the older
//     one is left out unless it is the same request.
//
// To do it again changes nothing. A journal beside the state is removed, or renamed to a
// recovery file when something was left out; any other file stays. Errors are those of
// [Begin], and a [*MismatchError] for the file of another account.
func Recover(ctx context.Context, store Store, opts Options, file string) (result *Recovery, err error) {
	if opts.FS == nil {
		opts.FS = OS{}
	}
	result = &Recovery{Kept: file}
	j, err := readJournal(opts.FS, file)
	switch {
	case j == nil && err == nil:
		return nil, fmt.Errorf("recover from %s: %w", file, fs.ErrNotExist)
	case errors.Is(err, ErrDamaged) && len(j.records) > 0:
		result.Damage = err
	case err != nil:
		return nil, err
	}
	result.Clear = j.hasClearSecrets()
	local, beside := besideState(store, file)
	if beside {
		local.recovering = true
		store = &local
	}
	run, err := Begin(ctx, store, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	err = run.Update(ctx, func(s *State) error {
		bind := j.records[0].Bind
		if err := s.bind(bind.Endpoint, bind.Account); err != nil {
			return err
		}
		result.Changed, result.Conflicts = merge(s, j)
		s.Serial = max(s.Serial, j.header.Serial)
		if beside && result.Complete() {
			s.Journal = j.header.ID
		}
		return nil
	})
	if err != nil || !beside {
		return result, err
	}
	if result.Complete() {
		result.Kept = ""
		return result, syncRemove(local.fs, file)
	}
	result.Kept, err = setAside(local.fs, file, filepath.Join(filepath.Dir(file), recoveryName))
	return result, err
}

// hasClearSecrets reports whether a record has a master secret that is not encrypted.
func (j *journal) hasClearSecrets() bool {
	return slices.ContainsFunc(j.records, func(rec Record) bool {
		return rec.Result != nil && rec.Result.App != nil && inClear(rec.Result.App.MasterSecret)
	})
}

// besideState reports whether a file is the journal of a state on disk, and returns a copy of
// its store.
func besideState(store Store, file string) (File, bool) {
	f, ok := store.(*File)
	if !ok {
		return File{}, false
	}
	state, err := resolve(f.fs, f.path)
	if err != nil {
		return File{}, false
	}
	own, ownErr := filepath.Abs(state + JournalSuffix)
	given, givenErr := filepath.Abs(file)
	return *f, ownErr == nil && givenErr == nil && own == given
}

// findings is the state that a journal's records make of an empty one, and what it does not show.
type findings struct {
	*State
	deleted map[string]bool   // app keys
	settled map[string]Intent // by id: intents that have a result
}

func (j *journal) findings() findings {
	f := findings{State: New(), deleted: map[string]bool{}, settled: map[string]Intent{}}
	for _, rec := range j.records {
		if r := rec.Result; r != nil {
			in := f.Pending[rec.ID]
			f.settled[rec.ID] = in
			if r.Op == OpDelete && !r.Failed && !r.Unsent {
				f.deleted[in.AppKey] = true
			}
		}
		f.Apply(rec)
	}
	return f
}

// merge makes the changes in s that [Recover] describes.
func merge(s *State, j *journal) (changed int, conflicts []Conflict) {
	f := j.findings()
	before := s.Clone()
	holder := make(map[string]string, len(s.Apps)) // id by app key
	for id, a := range s.Apps {
		if f.deleted[a.AppKey] {
			delete(s.Apps, id)
			continue
		}
		holder[a.AppKey] = id
	}
	for _, id := range slices.Sorted(maps.Keys(f.Apps)) {
		app := f.Apps[id]
		if other, ok := holder[app.AppKey]; ok {
			id = other
		}
		recorded, ok := s.Apps[id]
		switch {
		case ok && recorded.AppKey != app.AppKey:
			conflicts = append(conflicts, Conflict{ID: id, Recorded: recorded.AppKey, Found: app.AppKey})
			continue
		case ok && s.Serial > j.header.Serial:
			app = combine(recorded, app)
		case ok:
			app = combine(app, recorded)
		}
		s.Apps[id] = app
		holder[app.AppKey] = id
	}
	ended := func(id string, in Intent) bool {
		app, recorded := s.Apps[id]
		return in == f.settled[id] || in.Op == OpCreate && recorded || in.Op == OpDelete && app.AppKey != in.AppKey
	}
	maps.DeleteFunc(s.Pending, ended)
	maps.DeleteFunc(f.Pending, ended)
	for _, id := range slices.Sorted(maps.Keys(f.Pending)) {
		newer := f.Pending[id]
		older, open := s.Pending[id]
		if open && !newer.At.After(older.At) {
			newer, older = older, newer
		}
		s.Pending[id] = newer
		if open && !sameRequest(newer, older) {
			conflicts = append(conflicts, Conflict{ID: id, Request: &older})
		}
	}
	return len(differing(before.Apps, s.Apps)) + len(differing(before.Pending, s.Pending)), conflicts
}

// sameRequest reports whether two intents are equal but for their times, as those of a retry are.
func sameRequest(a, b Intent) bool {
	a.At = b.At
	return a == b
}

// combine is one app of two records: the newer one, with what only the older one has.
func combine(newer, older App) App {
	if newer.MasterSecret == "" {
		newer.MasterSecret = older.MasterSecret
	}
	for _, env := range jpush.Environments {
		if old := older.Certificates.Of(env); old.UploadedAt.After(newer.Certificates.Of(env).UploadedAt) {
			newer.Certificates.Set(env, old)
		}
	}
	return newer
}
