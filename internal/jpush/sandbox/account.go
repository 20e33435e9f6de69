package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"time"

	"jpsync/internal/jpush"
)

// App is an app of the account.
type App struct {
	AppKey         string                            `json:"app_key"`
	MasterSecret   string                            `json:"master_secret"`
	Name           string                            `json:"app_name"`
	AndroidPackage string                            `json:"android_package"`
	GroupName      string                            `json:"group_name,omitempty"`
	Certificates   map[jpush.Environment]Certificate `json:"certificates,omitempty"`
	CreatedAt      time.Time                         `json:"created_at"`
	Deleted        bool                              `json:"deleted,omitempty"` // kept for Server.Apps, unknown to requests
}

// Certificate is an uploaded certificate.
type Certificate struct {
	Filename   string    `json:"filename"`
	SHA256     string    `json:"sha256"` // hex, of the file
	Password   string    `json:"-"`      // in memory alone
	UploadedAt time.Time `json:"uploaded_at"`
}

func (a App) clone() App {
	a.Certificates = maps.Clone(a.Certificates)
	return a
}

// account holds the apps and their indexes. The server's lock guards it.
type account struct {
	identity Identity
	seed     uint64
	apps     []*App // in the order of their creation
	byKey    map[string]*App
	alive    map[[2]string]*App // by identity, without deleted ones
}

func newAccount(identity Identity, seed uint64) account {
	return account{identity: identity, seed: seed, byKey: map[string]*App{}, alive: map[[2]string]*App{}}
}

func (a *account) clear() { *a = newAccount(a.identity, a.seed) }

// put records the state of a new or known app.
func (a *account) put(app App) {
	known := a.byKey[app.AppKey]
	if known == nil {
		known = &App{}
		a.apps = append(a.apps, known)
		a.byKey[app.AppKey] = known
	}
	*known = app
	id := a.id(app.Name, app.AndroidPackage)
	switch {
	case !app.Deleted:
		a.alive[id] = known
	case a.alive[id] == known:
		delete(a.alive, id)
	}
}

// find returns the app that a create would return again, or nil.
func (a *account) find(name, pkg string) *App {
	if a.identity == CreateAlways {
		return nil
	}
	return a.alive[a.id(name, pkg)]
}

// live returns the app with a key, or nil if there is none or it is deleted.
func (a *account) live(key string) *App {
	if app := a.byKey[key]; app != nil && !app.Deleted {
		return app
	}
	return nil
}

func (a *account) id(name, pkg string) [2]string {
	if a.identity == ByPackage {
		name = ""
	}
	return [2]string{name, pkg}
}

// complete sets a missing key, secret and time. Like JPush's, a key has 24 hexadecimal
// digits. It depends on the app and not on the order of requests, so that a seed repeats it.
func (a *account) complete(app *App) {
	for try := 0; app.AppKey == ""; try++ { // each app of the same name and package takes another key
		key := digits(a.seed, "key", app.Name, app.AndroidPackage, try)
		if a.byKey[key] == nil {
			app.AppKey = key
		}
	}
	if app.MasterSecret == "" {
		app.MasterSecret = digits(a.seed, "secret", app.AppKey)
	}
	if app.CreatedAt.IsZero() {
		app.CreatedAt = time.Now().UTC()
	}
}

// digits returns 24 hexadecimal digits that depend on the arguments alone.
func digits(seed uint64, about ...any) string {
	sum := hash(seed, about...)
	return hex.EncodeToString(sum[:12])
}

// hash takes strings and numbers.
func hash(seed uint64, about ...any) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d %#v", seed, about))
}
