package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/state"
)

type importCmd struct {
	ID     string `arg:"" complete:"unrecorded" help:"The app's id in the manifest."`
	AppKey string `arg:"" help:"Its app key, from the JPush console."`
}

// Run records the app under the lock.
func (c *importCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	if !jpush.ValidAppKey(c.AppKey) {
		return errors.New("that is no app key: the console shows it as 24 hexadecimal digits")
	}
	w, err := openWorkspace(ctx, t, g, lockAs("import"))
	if err != nil {
		return err
	}
	defer w.close()
	app, err := w.find(c.ID)
	if err != nil {
		return err
	}
	c.ID = app.ID
	err = w.run.Update(ctx, func(st *state.State) error {
		if have, ok := st.Apps[c.ID]; ok {
			return fmt.Errorf("%s is recorded already, with app key %s: remove that record first with jpsync state rm", c.ID, have.AppKey)
		}
		for id, other := range st.Apps {
			if other.AppKey == c.AppKey {
				return fmt.Errorf("app key %s is recorded for %s: rename that record with jpsync state mv", c.AppKey, id)
			}
			if other.AndroidPackage == app.AndroidPackage {
				return fmt.Errorf("package %s is recorded for %s: rename that record with jpsync state mv", app.AndroidPackage, id)
			}
		}
		st.Apps[c.ID] = state.App{
			AppName: app.AppName, AndroidPackage: app.AndroidPackage, GroupName: app.GroupName, AppKey: c.AppKey,
			Adopted: true, Protected: app.Protect == nil || *app.Protect, CreatedAt: time.Now().UTC(),
		}
		delete(st.Pending, c.ID)
		return nil
	})
	if err != nil {
		return err
	}
	t.printf("imported %s  %s  app key %s", c.ID, app.AndroidPackage, c.AppKey)
	return nil
}

// find returns the manifest's app of that id.
func (w *workspace) find(id string) (*manifest.App, error) {
	var ids []string
	for i := range w.manifest.Apps {
		if manifest.NameKey(w.manifest.Apps[i].ID) == manifest.NameKey(id) {
			return &w.manifest.Apps[i], nil
		}
		ids = append(ids, w.manifest.Apps[i].ID)
	}
	return nil, fmt.Errorf("the manifest %s has no app with the id %q%s: add it there first", w.manifest.Path, id, nearest("; did you mean %q?", id, ids))
}
