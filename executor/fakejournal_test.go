package executor

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"jpsync/state"
)

// journal keeps records in memory as the real one does: written, and synced in groups.
type journal struct {
	diary     *diary
	syncTakes time.Duration
	failWrite int // the write that fails, from 1
	failSync  int // the sync that fails, from 1

	mu      sync.Mutex
	cond    *sync.Cond
	records []entry // everything, also what came after a failure
	writes  int
	syncs   int
	written int
	synced  int
	syncing bool
	err     error
	broke   time.Time // when err came
}

type entry struct {
	id     string
	intent *state.Intent
	sent   bool
	result *state.Result
}

func (e entry) String() string {
	if e.sent {
		return fmt.Sprintf("sent %s %s", e.intent.Op, e.id)
	}
	if e.intent != nil {
		return fmt.Sprintf("intent %s %s", e.intent.Op, e.id)
	}
	if e.result.Failed {
		return fmt.Sprintf("settled %s %s", e.result.Op, e.id)
	}
	return fmt.Sprintf("result %s %s", e.result.Op, e.id)
}

func newJournal(d *diary) *journal {
	j := &journal{diary: d}
	j.cond = sync.NewCond(&j.mu)
	return j
}

type ack struct {
	j *journal
	n int
}

func (a ack) Wait() error { return a.j.wait(a.n) }

func (j *journal) IntendAll(all []state.Planned) (Ack, error) {
	var entries []entry
	for _, p := range all {
		entries = append(entries, entry{id: p.ID, intent: &p.Intent})
	}
	return j.write(entries)
}

func (j *journal) Sent(id string, in state.Intent) (Ack, error) {
	return j.write([]entry{{id: id, intent: &in, sent: true}})
}

func (j *journal) Record(res state.Result) (Ack, error) {
	if res.App != nil {
		app := *res.App
		res.App = &app
	}
	return j.write([]entry{{id: res.ID, result: &res}})
}

func (j *journal) write(entries []entry) (Ack, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, entries...)
	j.writes++
	if j.writes == j.failWrite && j.err == nil {
		j.err, j.broke = errors.New("no space left on device"), time.Now()
	}
	if j.err != nil {
		return nil, j.err
	}
	for _, e := range entries {
		j.diary.add("write %s", e)
	}
	j.written = len(j.records)
	return ack{j, j.written}, nil
}

func (j *journal) wait(n int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.synced < n {
		if j.err != nil {
			return j.err
		}
		if j.syncing {
			j.cond.Wait()
			continue
		}
		j.syncing = true
		from, to := j.synced, j.written
		j.mu.Unlock()
		if j.syncTakes > 0 {
			time.Sleep(j.syncTakes)
		}
		j.mu.Lock()
		j.syncing = false
		j.syncs++
		if j.syncs == j.failSync {
			j.err = errors.New("input/output error")
		} else {
			for _, e := range j.records[from:to] {
				j.diary.add("sync %s", e)
			}
			j.synced = to
		}
		j.cond.Broadcast()
	}
	return nil
}

// fold gives the state after the run: what the next one starts from.
func (j *journal) fold(st *state.State) *state.State {
	out := &state.State{Apps: maps.Clone(st.Apps), Pending: maps.Clone(st.Pending)}
	if out.Apps == nil {
		out.Apps = make(map[string]state.App)
	}
	if out.Pending == nil {
		out.Pending = make(map[string]state.Intent)
	}
	for _, e := range j.records {
		if e.sent {
			out.Pending[e.id] = *e.intent
		}
		if e.intent != nil {
			continue
		}
		delete(out.Pending, e.id)
		switch {
		case e.result.Failed:
		case e.result.App != nil:
			out.Apps[e.id] = *e.result.App
		default:
			delete(out.Apps, e.id)
		}
	}
	return out
}
