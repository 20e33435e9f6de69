package executor

import (
	"time"

	"jpsync/internal/jpush"
	"jpsync/planner"
)

// EventType names a kind of [Event].
type EventType string

// The kinds of events, as the JSON output names them.
const (
	ApplyStart    EventType = "apply_start"    // the first request of a change goes out
	Retry         EventType = "retry"          // an attempt failed, another one follows
	ApplyComplete EventType = "apply_complete" // the change is made, and its record is durable
	ApplyErrored  EventType = "apply_errored"  // the change failed, was given up, or its outcome is unknown
)

// Event is something that happened to one change. Fields that do not apply are zero. It
// holds no secret.
type Event struct {
	Type        EventType
	Action      planner.Action
	App         string // the id
	Environment jpush.Environment
	AppKey      string               // empty while it is not known
	Attempt     int                  // from 1; of a retry the one that failed, at the end the last one
	Code        int                  // the API's error code, 0 where there is none
	Message     string               // what went wrong
	Remedy      string               // what to do about it
	Err         error                // what Message and Remedy are of
	Delay       time.Duration        // of a retry: the pause before the next attempt
	Outcome     Outcome              // of the last two types
	Note        string               // what a person should know although it went well
	Certificate *planner.Certificate // of an upload that is made
}
