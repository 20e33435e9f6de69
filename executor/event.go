package executor

import "time"

// EventType names a kind of [Event].
type EventType string

// The kinds of events, as the JSON output names them.
const (
	ApplyStart    EventType = "apply_start"    // the first request of a change goes out
	Retry         EventType = "retry"          // an attempt failed, another one follows
	ApplyComplete EventType = "apply_complete" // the change is made, and its record is durable
	ApplyErrored  EventType = "apply_errored"  // the change failed, was given up, or its outcome is unknown
)

// Event is something that happened to one change. It holds no secret.
type Event struct {
	Type EventType
	// Step is the change as far as it has come. Attempts counts the one that starts or failed.
	Step
	Delay time.Duration // of a retry: the pause before the next attempt
}
