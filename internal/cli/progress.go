package cli

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"jpsync/executor"
	"jpsync/internal/report"
)

// heartbeatAfter is how long a run without a terminal may be silent: many CI systems take a
// silent job for a dead one, and a person for a hanging one.
const heartbeatAfter = 30 * time.Second

// progress shows an apply to a person while it runs: as a bar with the failures above it, or,
// without a terminal, as a line for each event and a sign of life now and then.
type progress struct {
	t     *terminal
	now   func() time.Time
	began time.Time
	total int

	mu       sync.Mutex
	done     int
	failed   int
	retrying map[change]bool
	spoke    time.Time // when something was last printed
	pace     executor.Pace

	bars *mpb.Progress // nil without a terminal
	bar  *mpb.Bar
	stop chan struct{}
	idle sync.WaitGroup
}

// change tells the changes of a plan apart.
type change struct{ app, environment, action string }

func newProgress(t *terminal, total int, now func() time.Time) *progress {
	p := &progress{t: t, now: now, began: now(), total: total, retrying: map[change]bool{}, spoke: now(), stop: make(chan struct{})}
	switch {
	case total == 0:
	case t.live:
		p.bars = mpb.New(mpb.WithOutput(t.Err), mpb.WithAutoRefresh(), mpb.WithWidth(24))
		p.bar = p.bars.New(int64(total), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.PrependDecorators(decor.CountersNoUnit("%d/%d ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + p.status() })),
			mpb.BarRemoveOnComplete())
	case !t.quiet:
		p.idle.Go(p.heartbeat)
	}
	return p
}

// watch says what an interrupt leads to, since a drain may take as long as one request.
func (p *progress) watch(ctx context.Context) (unwatch func() bool) {
	return context.AfterFunc(ctx, func() {
		p.print("jpsync: interrupted: nothing new is started, and what is in flight is waited for and recorded; interrupt again to stop at once")
	})
}

// event takes what the executor tells.
func (p *progress) event(e executor.Event) {
	c := change{e.App, string(e.Environment), string(e.Action)}
	p.mu.Lock()
	switch e.Type {
	case executor.Retry:
		p.retrying[c] = true
	case executor.ApplyComplete, executor.ApplyErrored:
		delete(p.retrying, c)
		p.done++
		if e.Type == executor.ApplyErrored && e.Outcome != executor.NotStarted {
			p.failed++
		}
	}
	p.mu.Unlock()
	if p.bar != nil && (e.Type == executor.ApplyComplete || e.Type == executor.ApplyErrored) {
		p.bar.Increment()
	}
	if p.shows(e.Type) {
		if text := report.EventText(e, p.t.err); text != "" {
			p.print(text)
		}
	}
}

// adapted takes how fast the run may go from now on.
func (p *progress) adapted(pace executor.Pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace = pace
}

// shows reports whether an event gets a line. Above a bar these are the failures, since the
// bar counts the rest.
func (p *progress) shows(kind executor.EventType) bool {
	switch {
	case kind == executor.ApplyErrored:
		return true
	case p.t.quiet:
		return false
	case p.bars != nil:
		return p.t.verbose
	}
	return true
}

func (p *progress) print(line string) {
	p.mu.Lock()
	p.spoke = p.now()
	p.mu.Unlock()
	var w io.Writer = p.t.Err
	if p.bars != nil {
		if _, err := p.bars.Write([]byte(line + "\n")); err == nil {
			return
		}
	}
	fmt.Fprintln(w, line)
}

// status is the text beside the bar.
func (p *progress) status() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := ""
	if elapsed := p.now().Sub(p.began).Seconds(); p.done > 0 && elapsed > 0 {
		rate := float64(p.done) / elapsed
		left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second)).Round(time.Second)
		s = fmt.Sprintf("%.1f/s  %s left", rate, left)
	}
	if p.pace.InFlight > 0 {
		s += fmt.Sprintf("  %d at once", p.pace.InFlight)
	}
	if p.pace.PerSecond > 0 {
		s += fmt.Sprintf(", at most %.0f/s", p.pace.PerSecond)
	}
	if n := len(p.retrying); n > 0 {
		s += fmt.Sprintf("  %d retrying", n)
	}
	if p.failed > 0 {
		s += fmt.Sprintf("  %d failed", p.failed)
	}
	return s
}

// heartbeat prints a line whenever nothing was printed for a while.
func (p *progress) heartbeat() {
	tick := time.NewTicker(heartbeatAfter)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.mu.Lock()
			silent := p.now().Sub(p.spoke) >= heartbeatAfter
			done := p.done
			p.mu.Unlock()
			if silent {
				p.print(fmt.Sprintf("%d of %d done  %s", done, p.total, p.status()))
			}
		}
	}
}

// close takes the bar away.
func (p *progress) close() {
	close(p.stop)
	p.idle.Wait()
	if p.bar != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
}
