// Package sandbox simulates the JPush Admin API: an [http.Handler] with apps, certificates,
// credentials and error codes as the API's documents describe them. On request it misbehaves
// like a broken server or network.
//
//	server, err := sandbox.New(sandbox.Options{Faults: faults})
//	client, err := jpush.New(jpush.Options{
//		Endpoint: sandbox.Endpoint, DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret,
//		Transport: sandbox.Transport(server),
//	})
//
// The fault lost:create:first=1 executes each app's first create and then cuts the
// connection; see [ParseFault] for the grammar.
//
// A request goes through serve.go, which records it in ledger.go and looks for a fault in
// fault.go, incoming.go, which decodes it, and handler.go, which changes account.go. data.go
// keeps the account in a file, and transport.go takes the place of a network.
package sandbox

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"sync"

	"jpsync/internal/pushcert"
)

// Endpoint is the endpoint for a client that uses [Transport]. Its name belongs to loopback
// (RFC 6761), so that plain http is allowed. It is never resolved.
const Endpoint = "http://sandbox.localhost/v1/"

// DeviceEndpoint is the same for the Device API, of which there is a list of tags, always
// empty: it tells whether an app's key pair is good.
const DeviceEndpoint = "http://sandbox.localhost/v3/"

// The default credentials. They are not valid anywhere else.
const (
	DevKey    = "sandbox-dev-key"
	DevSecret = "sandbox-dev-secret"
)

// Identity says what makes two creates the same app. JPush documents it nowhere.
type Identity string

// The identities.
const (
	ByPackage        Identity = "package"          // the android_package alone
	ByNameAndPackage Identity = "name-and-package" // app_name and android_package
	CreateAlways     Identity = "always-new"       // every create makes an app
)

// Options configures a [Server]. The zero value is a working account.
type Options struct {
	DevKey     string   // empty: DevKey
	DevSecret  string   // empty: DevSecret
	NotEnabled bool     // answer 4007: the account may not use the API
	Identity   Identity // empty: ByPackage
	// NoMasterSecret leaves the master_secret out of the answers to creates. The English
	// documents have it, the Chinese ones do not.
	NoMasterSecret bool
	// Strict refuses what the service takes from other clients and jpsync never sends: a
	// group_name that is null or empty.
	Strict bool
	Faults []Fault
	// Data is the path of a file, mode 0600, that keeps the account between runs; empty:
	// memory only. Processes may share it. It holds master secrets, but no password.
	Data string
	// Seed determines keys, secrets and probabilities, independently of the order of the
	// requests; 0: a random one.
	Seed uint64
	// KeepRequests lets [Server.Requests] return all requests. Their bodies stay in memory.
	KeepRequests bool
	// CheckCertificate reports what is wrong with a .p12; nil: [pushcert.Inspect]. It is
	// called from several goroutines.
	CheckCertificate func(data []byte, password string) error
}

// Server is the simulated API. It serves under /v1/ and /v3/ and is safe for concurrent use.
type Server struct {
	opts    Options
	checked sync.Map // results of CheckCertificate, by hash of the arguments

	mu      sync.Mutex
	account account
	data    *dataFile // nil: memory only
	faults  []*armed
	ledger  ledger
}

// New makes a server with the account in Options.Data, or an empty one.
func New(o Options) (*Server, error) {
	o.DevKey = cmp.Or(o.DevKey, DevKey)
	o.DevSecret = cmp.Or(o.DevSecret, DevSecret)
	o.Identity = cmp.Or(o.Identity, ByPackage)
	if o.CheckCertificate == nil {
		o.CheckCertificate = func(data []byte, password string) error {
			_, err := pushcert.Inspect(data, password)
			return err
		}
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	s := &Server{opts: o, account: newAccount(o.Identity, o.Seed), ledger: ledger{keep: o.KeepRequests}}
	if err := s.SetFaults(o.Faults...); err != nil {
		return nil, err
	}
	if o.Data != "" {
		data, err := openData(o.Data, &s.account)
		if err != nil {
			return nil, err
		}
		s.data = data
	}
	return s, nil
}

// SetFaults replaces the faults. All counts start anew.
func (s *Server) SetFaults(list ...Fault) error {
	for _, f := range list {
		if err := f.validate(); err != nil {
			return fmt.Errorf("fault %q: %w", f.Kind, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = arm(list, s.opts.Seed)
	return nil
}

// Preload adds apps to the account. It sets a missing app key or master secret.
func (s *Server) Preload(apps ...App) error {
	return s.update(func() error {
		for _, app := range apps {
			app = app.clone()
			s.account.complete(&app)
			if err := s.commit(app); err != nil {
				return err
			}
		}
		return nil
	})
}

// Apps returns all apps in the order of their creation, including deleted ones.
func (s *Server) Apps() []App {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]App, len(s.account.apps))
	for i, app := range s.account.apps {
		out[i] = app.clone()
	}
	return out
}

// update runs f under the lock, after reading what other processes have changed.
func (s *Server) update(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data == nil {
		return f()
	}
	return s.data.locked(&s.account, f)
}

// commit records an app's new state within an update. It is written to disk first: if that
// fails, nothing has changed.
func (s *Server) commit(app App) error {
	if s.data != nil {
		if err := s.data.append(app); err != nil {
			return err
		}
	}
	s.account.put(app)
	return nil
}
