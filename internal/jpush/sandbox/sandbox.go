// Package sandbox simulates the JPush Admin API as its documents describe it: an
// [http.Handler] with apps, certificates, credentials and error codes, which can misbehave
// in every way that a server or the network before it does.
//
//	server, err := sandbox.New(sandbox.Options{Faults: faults})
//	transport := sandbox.Transport(server)
//	defer transport.Close()
//	client, err := jpush.New(jpush.Options{
//		Endpoint: sandbox.Endpoint, DevKey: sandbox.DevKey, DevSecret: sandbox.DevSecret,
//		Transport: transport,
//	})
//
// A fault is written like lost:create:first=1, which commits each app's first create and
// then cuts the connection; see [ParseFault] for the grammar.
package sandbox

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// Endpoint is where [Transport] serves. The name is loopback's (RFC 6761), so that plain
// http is allowed to it, and nothing ever resolves it.
const Endpoint = "http://sandbox.localhost/v1/"

// The credentials of a sandbox that was not given others. They open nothing real.
const (
	DevKey    = "sandbox-dev-key"
	DevSecret = "sandbox-dev-secret"
)

// Identity says what makes two creates the same app. JPush documents it nowhere.
type Identity int

// The identities.
const (
	ByPackage        Identity = iota // the android_package alone
	ByNameAndPackage                 // app_name and android_package
	CreateAlways                     // nothing: every create makes an app
)

// defaultKeep bounds the memory of a sandbox that serves for long.
const defaultKeep = 10_000

// Options configures a [Server]. The zero value is a working account.
type Options struct {
	DevKey     string // empty: DevKey
	DevSecret  string // empty: DevSecret
	NotEnabled bool   // answer 4007: the account may not use the API
	Identity   Identity
	// NoMasterSecret leaves the master_secret out of the answers to creates. The English
	// documents have it, the Chinese ones do not.
	NoMasterSecret bool
	Faults         []Fault
	// Data names a file that keeps the account between runs, mode 0600; empty: memory
	// only. Processes may share it. It holds master secrets, never a password.
	Data string
	// Seed makes keys, secrets and chances repeat, whatever the order of the requests;
	// 0: a random one.
	Seed uint64
	// KeepRequests is how many of the latest requests [Server.Requests] returns;
	// 0: 10,000, negative: all.
	KeepRequests int
	// CheckCertificate reports what is wrong with a .p12; nil: it must open with its
	// password and hold a certificate with its key. It is called from several goroutines.
	CheckCertificate func(data []byte, password string) error
}

// Server is the simulated API. It serves under /v1/ and is safe for concurrent use.
type Server struct {
	opts    Options
	checked sync.Map // certificate and password to error: opening a .p12 is slow

	mu      sync.Mutex
	account account
	data    *dataFile // nil: memory only
	faults  faults
	ledger  ledger
}

// New makes a server, with the account that Options.Data holds if there is one.
func New(o Options) (*Server, error) {
	if o.DevKey == "" {
		o.DevKey = DevKey
	}
	if o.DevSecret == "" {
		o.DevSecret = DevSecret
	}
	if o.KeepRequests == 0 {
		o.KeepRequests = defaultKeep
	}
	if o.CheckCertificate == nil {
		o.CheckCertificate = opens
	}
	if o.Seed == 0 {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, fmt.Errorf("seed the sandbox: %w", err)
		}
		o.Seed = binary.LittleEndian.Uint64(b[:])
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
	s.faults.set(list, s.opts.Seed)
	return nil
}

// Preload makes apps that are there before the first request. An empty app key or master
// secret is made up.
func (s *Server) Preload(apps ...App) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.withAccount(func() error {
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

// withAccount runs f on the account as every process that shares it last left it.
// The caller holds the lock.
func (s *Server) withAccount(f func() error) error {
	if s.data == nil {
		return f()
	}
	return s.data.locked(&s.account, f)
}

// commit records an app's new state, on disk first: what the disk refuses has not happened.
func (s *Server) commit(app App) error {
	if s.data != nil {
		if err := s.data.append(app); err != nil {
			return err
		}
	}
	s.account.put(app)
	return nil
}

func opens(data []byte, password string) error {
	_, _, _, err := pkcs12.DecodeChain(data, password)
	return err
}
