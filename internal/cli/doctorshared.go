package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"jpsync/internal/report"
	"jpsync/state"
	"jpsync/state/s3"
	"jpsync/state/shared"
)

// sharedState looks at a state in a bucket or a database. Where nothing is recorded yet, and
// with --verbose, it also tries out what a store has to do, on a scratch object.
func (d *doctor) sharedState(ctx context.Context, store *stateStore) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	st, err := store.Store.Load(ctx)
	if err != nil {
		d.storeTrouble("store", err)
		return
	}
	d.well("store", store.Location()+" is reached and can be read")
	if !st.Exists() {
		d.well("state", "not there yet, the first apply writes it")
	}
	if !st.Exists() || d.t.verbose {
		d.examine(ctx, store)
	}
	if c, ok := store.place.(shared.Checker); ok && c.Experimental() != "" {
		d.warning("store", c.Experimental()+" is experimental: it does not promise that one of many racing writers wins",
			"use a store that docs/state.md says is known to work")
	}
	held := d.lease(ctx, store)
	if d.w != nil {
		d.recorded(ctx, store, held)
	}
}

// examine tries the store out.
func (d *doctor) examine(ctx context.Context, store *stateStore) {
	for _, f := range shared.Examine(ctx, store.place) {
		switch {
		case f.Err != nil:
			d.storeTrouble("store", fmt.Errorf("%s: %w", f.Check, f.Err))
		case f.Note != "":
			d.warning("clock", f.Note, setClock)
		default:
			d.well("store", tried[f.Check])
		}
	}
	if bucket, ok := store.place.(*s3.Place); ok {
		if versioned, err := bucket.Versioned(ctx); err == nil && versioned {
			d.well("store", "the bucket keeps versions")
		}
	}
}

// tried says what a check of [shared.Examine] found when it found nothing wrong.
var tried = map[string]string{
	"list":       "objects can be listed",
	"write":      "objects can be created",
	"read":       "objects can be read",
	"conditions": "one of many racing writers wins",
	"clock":      "its clock agrees with this machine's",
}

// lease reports who has the lock.
func (d *doctor) lease(ctx context.Context, store *stateStore) (held bool) {
	holder, err := store.shared.Holder(ctx)
	switch {
	case err != nil:
		d.storeTrouble("lock", err)
	case holder == nil:
		d.well("lock", "free; a run that dies leaves it for "+d.g.Lease.String())
	default:
		d.trouble("lock", holder.LockedError, "wait for that run; if it died, the lock ends at the time above, or at once with jpsync state unlock")
	}
	return holder != nil
}

// storeTrouble reports an error of a store. Most of them know what to do.
func (d *doctor) storeTrouble(what string, err error) {
	remedy := ""
	if errors.Is(err, state.ErrDamaged) {
		remedy = "see \"A damaged log\" in docs/state.md"
	} else if has[*shared.UnavailableError](err) {
		remedy = "check the address, the network and the proxy"
	}
	d.trouble(what, err, remedy)
}

// encryption tells who can read the master secrets of a state.
func (d *doctor) encryption(store *stateStore, st *state.State) {
	clear, sealed := 0, ""
	for _, app := range st.Apps {
		switch {
		case state.Encrypted(app.MasterSecret):
			sealed = app.MasterSecret
		case app.MasterSecret != "":
			clear++
		}
	}
	before := false // whether the backup has secrets in clear
	if store.file != nil {
		var err error
		if before, err = store.file.BackupInClear(); err != nil {
			d.trouble("secrets", err, "")
		}
	}
	switch {
	case !store.recipients.Any() && store.shared != nil:
		d.well("secrets", "kept in clear: whoever can read the store has the master secrets; state_recipients encrypts them")
	case store.recipients.Any() && clear > 0:
		d.warning("secrets", report.PluralIs(clear, "master secret")+" still in clear", "the next apply that changes something encrypts them, and jpsync state rekey does it now")
	case store.recipients.Any() && before:
		d.warning("secrets", store.Location()+state.BackupSuffix+" has master secrets in clear", "the next apply replaces it, also when it changes nothing")
	case store.recipients.Any():
		d.well("secrets", "encrypted for the recipients")
	}
	if os.Getenv(identityVariable) == "" {
		return
	}
	identities, err := readIdentities()
	if err == nil && sealed != "" {
		_, err = identities.Decrypt(sealed)
	}
	if err != nil {
		d.trouble("secrets", err, "name an identity file of a recipient with "+identityVariable)
		return
	}
	if info, err := os.Stat(os.Getenv(identityVariable)); err == nil && loose(info) {
		d.warning("secrets", fmt.Sprintf("the identity file has mode %04o", info.Mode().Perm()), "chmod 600 "+os.Getenv(identityVariable))
	}
	d.well("secrets", "the identity file can be read")
}
