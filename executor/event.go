package executor

import (
	"sync"
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
	ApplyComplete EventType = "apply_complete" // the change is made, and recorded on disk
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
	Delay       time.Duration        // of a retry: the pause before the next attempt
	Outcome     Outcome              // of the last two types
	Note        string               // what a person should know although it went well
	Certificate *planner.Certificate // of an upload that is made
}

// backlog is how many reports may wait for a slow listener before no new app is started.
const backlog = 4096

// The reporter rests after each batch, for restShare times as long as its syncs took, within the
// limits below. A file that is being synced takes no writes, so a reporter that synced all the time
// would keep the workers from writing down their answers; and one that was woken for every
// event would keep a processor busy with that. The windows of intents are synced meanwhile,
// and carry the results along.
const (
	restShare = 50
	restLeast = 10 * time.Millisecond
	restMost  = 100 * time.Millisecond
)

// report is something to tell once it is on disk.
type report struct {
	wait  func() error // until the record is synced; nil: there is none
	step  int          // the step that it is about, -1 if none
	event *Event       // nil: nothing to tell
}

// reporter tells events one after the other, each after its record was synced, so that no
// worker has to wait for the disk or for a slow terminal.
type reporter struct {
	mu     sync.Mutex
	wake   *sync.Cond
	queue  []report
	closed bool
	ending chan struct{} // closed with closed
	done   chan struct{}
	tell   func(Event) // may be nil
	// unsaved hears of a record that did not reach the disk, before its event is told.
	unsaved  func(report, error)
	panicked func(error)
}

func newReporter(tell func(Event), unsaved func(report, error), panicked func(error)) *reporter {
	p := &reporter{ending: make(chan struct{}), done: make(chan struct{}), tell: tell, unsaved: unsaved, panicked: panicked}
	p.wake = sync.NewCond(&p.mu)
	return p
}

// add hands over a report. It never blocks.
func (p *reporter) add(rep report) {
	p.mu.Lock()
	p.queue = append(p.queue, rep)
	p.mu.Unlock()
	p.wake.Broadcast()
}

// room waits until the listener has caught up.
func (p *reporter) room() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) >= backlog {
		p.wake.Wait()
	}
}

// close waits until everything is told.
func (p *reporter) close() {
	p.mu.Lock()
	p.closed = true
	close(p.ending)
	p.mu.Unlock()
	p.wake.Broadcast()
	<-p.done
}

func (p *reporter) run() {
	defer close(p.done)
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.closed {
			p.wake.Wait()
		}
		batch := p.queue
		p.queue = nil
		p.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		p.wake.Broadcast()
		var synced time.Duration
		for _, rep := range batch {
			synced += p.one(rep)
		}
		pause(min(max(restShare*synced, restLeast), restMost), p.ending)
	}
}

// one tells a report, and returns how long it waited for the disk. A panic of the listener stops the run but not the reporter: the
// records of the requests in flight still have to be waited for.
func (p *reporter) one(rep report) (waited time.Duration) {
	defer func() {
		if v := recover(); v != nil {
			p.panicked(caught(v))
		}
	}()
	if rep.wait != nil {
		began := time.Now()
		if err := rep.wait(); err != nil {
			p.unsaved(rep, err)
		}
		waited = time.Since(began)
	}
	if rep.event != nil && p.tell != nil {
		p.tell(*rep.event)
	}
	return waited
}
