package cli

import (
	"context"
)

// sharedState looks at a state in a bucket or a database.
func (d *doctor) sharedState(ctx context.Context, store *stateStore) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	holder, err := store.shared.Holder(ctx)
	if err != nil {
		d.trouble("state", err, "")
		return
	}
	d.well("state", store.Location())
	if holder != nil {
		d.trouble("state", holder, "the lock ends with that run, or by itself once the run is silent for so long")
	}
	if d.w != nil {
		d.recorded(ctx, store, holder != nil)
	}
}
