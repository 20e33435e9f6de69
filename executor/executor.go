// Package executor carries out a plan: it sends the requests, several apps side by side,
// and writes every answer to the journal before it tells anybody.
//
//	res, err := executor.Apply(ctx, plan, run.State(), executor.Options{
//		API: client, Journal: executor.Journaled(run), Certificates: files, Parallelism: 4,
//	})
//
// An app's steps run in the plan's order; deletes of apps that left the manifest come after
// everything else. What a retry can cure is retried, in one place. What stops everybody
// (refused credentials, a service that does not answer, a full disk, Ctrl-C) stops the run:
// nothing new starts, and what is in flight is waited for and recorded.
//
// The order of writing is the point of the package. A create and a delete are journaled and
// synced as intents before they are sent, since an app whose key got lost cannot be found
// again; an answer is journaled as soon as it is there and synced before it is reported.
package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

// API is the part of the Admin API's client that an apply needs. Each call is one attempt.
// Errors are expected to be [*jpush.Error]; any other counts as an answer that was lost.
type API interface {
	CreateApp(ctx context.Context, app jpush.App) (jpush.Created, error)
	UploadCertificate(ctx context.Context, appKey string, cert jpush.Certificate) error
	DeleteApp(ctx context.Context, appKey string) error
}

// Certificates reads a certificate and its password when its upload's turn has come. Load
// refuses a file that is not the one the plan was made with.
type Certificates interface {
	Load(upload planner.Change) (Loaded, error)
}

// Loaded is a certificate that can be sent.
type Loaded struct {
	Certificate planner.Certificate
	Data        []byte
	Password    string
}

// DefaultParallelism and DefaultMaxAttempts stand for a zero in [Options].
const (
	DefaultParallelism = 4
	DefaultMaxAttempts = 5
)

// Options says how to apply. API and Journal are required, Certificates only for a plan
// with uploads.
type Options struct {
	API          API
	Journal      Journal
	Certificates Certificates
	// Parallelism is how many requests may be in flight at once, from 1; 0 means
	// [DefaultParallelism].
	Parallelism int
	// Adaptive lets the run find out how many requests the service can take: it begins with
	// 4 in flight and goes up to Parallelism, for which 0 means 64, as long as answers come
	// fast. It goes down when the service asks for less (429) or cannot cope (code 10), and
	// keeps below a limit on the rate once it has met that.
	Adaptive bool
	// Rate caps the requests that start per second, evenly spaced; 0 means no cap.
	Rate float64
	// MaxAttempts limits the attempts of one request, from 1; 0 means [DefaultMaxAttempts].
	MaxAttempts int
	// Now gives the times that are recorded; nil means time.Now. Waiting goes by the real
	// clock.
	Now func() time.Time
	// Rand gives numbers in [0, 1) for the jitter of retries; nil means math/rand/v2. It is
	// called from several goroutines.
	Rand func() float64
	// OnEvent hears what happens, one event after the other, from one goroutine. What an
	// event tells is on disk. It may be nil.
	OnEvent func(Event)
	// OnPace hears how fast the run may go whenever that changes: in an adaptive run, or
	// after a 429. It is called from several goroutines, and the requests wait for it. It
	// may be nil.
	OnPace func(Pace)
}

// Apply carries out the plan on the state that it was made from. It changes neither: what
// happened is in the journal and in the result.
//
// The error says that the plan or the options cannot be applied; then nothing was sent and
// nothing was journaled. Once the run began there is a result and no error, however it
// ended: see [Result.Stopped] and [Result.Failures].
//
// Cancelling ctx stops the run gently. Requests in flight go on until they are answered or
// the client's own timeout ends them.
func Apply(ctx context.Context, plan *planner.Plan, st *state.State, opts Options) (*Result, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	if err := check(plan, st, opts); err != nil {
		return nil, err
	}
	r := newRun(plan, st, opts)
	unwatch := context.AfterFunc(ctx, func() { r.interrupted(ctx) })
	defer unwatch()

	go r.reports.run()
	r.record(ctx)
	early, late := split(plan)
	r.phase(ctx, early)
	r.phase(ctx, late)
	r.reports.close()
	return r.result(), nil
}

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	switch {
	case o.API == nil:
		return errors.New("apply: no API to send the requests to")
	case o.Journal == nil:
		return errors.New("apply: no journal to record the answers in")
	case o.Parallelism < 0:
		return fmt.Errorf("apply: a parallelism of %d makes no sense: it is the number of requests in flight, 1 or more", o.Parallelism)
	case o.MaxAttempts < 0:
		return fmt.Errorf("apply: a maximum of %d attempts makes no sense: it has to be 1 or more", o.MaxAttempts)
	case !(o.Rate >= 0):
		return fmt.Errorf("apply: a rate of %v requests per second makes no sense: it has to be more than 0, or 0 for no limit", o.Rate)
	}
	if o.Parallelism == 0 {
		o.Parallelism = DefaultParallelism
		if o.Adaptive {
			o.Parallelism = AdaptiveMost
		}
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = DefaultMaxAttempts
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = randomFloat
	}
	return nil
}
