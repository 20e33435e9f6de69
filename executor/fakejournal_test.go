package executor

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"jpsync/state"
)

// journal keeps records in memory as the real one does: a committer makes durable what was
// appended, a group at a time, whether or not anybody waits.
type journal struct {
	diary       *diary
	commitTakes time.Duration
	failCommit  int               // the commit that fails, from 1
	failure     error             // what it comes to
	panics      int               // the record that makes Append panic, from 1
	ends        time.Time         // of the lease; zero: it has no end
	onAppend    func(waiting int) // gets the records that are not durable; may be nil

	mu         sync.Mutex
	cond       *sync.Cond
	records    []entry // everything, also what came after a failure
	durable    int
	commits    int
	committing bool
	err        error
	broke      time.Time // when err came
}

type entry struct{ state.Record }

func (e entry) String() string {
	switch {
	case e.Intent != nil:
		return fmt.Sprintf("intent %s %s", e.Intent.Op, e.ID)
	case e.Result.Unsent:
		return fmt.Sprintf("unsent %s %s", e.Result.Op, e.ID)
	case e.Result.Failed:
		return fmt.Sprintf("settled %s %s", e.Result.Op, e.ID)
	}
	return fmt.Sprintf("result %s %s", e.Result.Op, e.ID)
}

func newJournal(d *diary) *journal {
	j := &journal{diary: d, failure: errors.New("input/output error")}
	j.cond = sync.NewCond(&j.mu)
	return j
}

func (j *journal) Append(rec state.Record) (wait func() error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, entry{rec})
	n := len(j.records)
	if j.onAppend != nil {
		j.onAppend(n - j.durable)
	}
	if n == j.panics {
		panic([]int{1})
	}
	if j.err == nil {
		j.diary.add("append %s", entry{rec})
		if !j.committing {
			j.committing = true
			go j.commit()
		}
	}
	return func() error {
		j.mu.Lock()
		defer j.mu.Unlock()
		for j.durable < n && j.err == nil {
			j.cond.Wait()
		}
		if j.durable >= n {
			return nil
		}
		return j.err
	}
}

func (j *journal) Left() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ends.IsZero() {
		return math.MaxInt64
	}
	return max(0, time.Until(j.ends))
}

// commit makes records durable as long as there are any.
func (j *journal) commit() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.durable < len(j.records) && j.err == nil {
		upTo := len(j.records)
		j.mu.Unlock()
		if j.commitTakes > 0 {
			time.Sleep(j.commitTakes)
		}
		j.mu.Lock()
		if j.commits++; j.commits == j.failCommit {
			j.err, j.broke = j.failure, time.Now()
		} else {
			for _, e := range j.records[j.durable:upTo] {
				j.diary.add("commit %s", e)
			}
			j.durable = upTo
		}
		j.cond.Broadcast()
	}
	j.committing = false
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
		if e.Intent != nil {
			out.Pending[e.ID] = *e.Intent
			continue
		}
		delete(out.Pending, e.ID)
		switch {
		case e.Result.Failed || e.Result.Unsent:
		case e.Result.App != nil:
			out.Apps[e.ID] = *e.Result.App
		default:
			delete(out.Apps, e.ID)
		}
	}
	return out
}
