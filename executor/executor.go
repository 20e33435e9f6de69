// Package executor applies a plan. It sends the requests, several apps side by side, and
// writes every answer to the journal before it reports it.
//
//	res, err := executor.Apply(ctx, plan, run.Snapshot(), executor.Options{
//		API: client, Journal: run, Certificates: files, Parallelism: 4, MaxAttempts: 5,
//	})
//
// An app's steps run in the plan's order. Deletes of apps that left the manifest come after
// everything else. An app's own failure ends that app. Refused credentials, a service that
// does not answer, a journal that fails, a lock that is lost and a cancelled context stop the
// run: nothing new starts, and the requests in flight are waited for and recorded.
//
// A create or a delete is sent only after its intent is durable, because the key of an app
// cannot be asked for later. An answer is reported only after its result is durable.
//
// Start at [Apply] in run.go, which hands the apps to the workers. task.go takes an app through
// its steps, each from its intent on. steps.go has each kind of step, to its recorded result, and
// send.go sends a request and tries it again, when limiter.go lets it. record.go has what else is
// recorded, above all when a step fails. report.go reports events once their records are durable.
// stop.go says why a run stops early, and result.go what it came to. This file has what an apply
// needs from outside; the cli's journal is a [state.Run].
package executor

import (
	"context"
	"math/rand/v2"
	"time"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

// API is the part of the Admin API's client that an apply needs. Each call is one attempt.
// Errors are expected to be [*jpush.Error]. Any other error counts as a lost answer.
type API interface {
	CreateApp(ctx context.Context, app jpush.App) (jpush.Created, error)
	UploadCertificate(ctx context.Context, appKey string, cert jpush.Certificate) error
	DeleteApp(ctx context.Context, appKey string) error
}

// Journal takes the records of a run. A [*state.Run] is one.
//
// Append returns at once. The function that it returns blocks until the record is durable,
// or until it never will be: then it returns an error, and so do the functions of all later
// records. Records become durable in the order of Append, also those that nobody waits for.
// What a record points to does not change afterwards, on either side.
//
// Left returns for how long this run is still the only writer. No request starts without time
// left, and none goes on for longer. Once it is over it stays so.
type Journal interface {
	Append(rec state.Record) (wait func() error)
	Left() time.Duration
}

// Certificates reads a certificate and its password right before its upload. Load refuses a
// file that is not the one the plan was made with. Its errors name the file.
type Certificates interface {
	Load(upload planner.Change) (Loaded, error)
}

// Loaded is a certificate that can be sent.
type Loaded struct {
	FileSHA256 string // of Data: the same certificate may have been exported again
	Data       []byte
	Password   string
}

// Options says how to apply. API, Journal, Parallelism and MaxAttempts are required,
// Certificates only for a plan with uploads. No number is negative.
type Options struct {
	API          API
	Journal      Journal
	Certificates Certificates
	// Flags is what the commands in messages need on their command line, as in [planner.Input].
	Flags string
	// Parallelism is how many requests may be in flight at once, from 1.
	Parallelism int
	// Adaptive starts with 4 requests in flight and goes up to Parallelism as long as answers come
	// fast; see [AdaptiveMost].
	Adaptive bool
	// Rate caps the requests that start per second, evenly spaced; 0 means no cap.
	Rate float64
	// MaxAttempts limits the attempts of one request, from 1.
	MaxAttempts int
	// Drain is how long requests in flight go on once ctx is done; 0 means until they end.
	Drain time.Duration
	// Now gives the times that are recorded; nil means time.Now. Waiting goes by the real
	// clock.
	Now func() time.Time
	// Rand gives numbers in [0, 1) for the jitter of retries; nil means math/rand/v2. It is
	// called from several goroutines.
	Rand func() float64
	// OnEvent receives the events, one at a time, each after its record is durable. It may be nil.
	OnEvent func(Event)
	// OnPace receives how fast the run may go, whenever that changes. It is called from several
	// goroutines, and requests wait for it. It may be nil.
	OnPace func(Pace)
}

// setDefaults fills in what is zero.
func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
}
