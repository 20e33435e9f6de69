package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"jpsync/executor"
	"jpsync/internal/report"
)

// maxSilence is how long a run without a terminal prints nothing. Many CI systems end a job
// that is silent for minutes.
const maxSilence = 30 * time.Second

// progress shows an apply while it runs. On a terminal it is a bar with the failures above it;
// elsewhere a line for each event, and a line of counts after a silence.
type progress struct {
	t     *terminal
	began time.Time
	total int

	mu       sync.Mutex
	done     int
	failed   int
	retrying map[string]bool // by app: its steps run one after the other
	silence  *time.Timer     // since the last line; nil on a terminal, and with --quiet
	pace     executor.Pace

	bars *mpb.Progress // nil without a terminal
	bar  *mpb.Bar
}

func newProgress(t *terminal, total int) *progress {
	p := &progress{t: t, began: time.Now(), total: total, retrying: map[string]bool{}}
	switch {
	case total == 0:
	case t.live:
		p.bars = mpb.New(mpb.WithOutput(t.Err), mpb.WithAutoRefresh(), mpb.WithWidth(24))
		p.bar = p.bars.New(int64(total), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.PrependDecorators(decor.CountersNoUnit("%d/%d ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + p.status() })),
			mpb.BarRemoveOnComplete())
	case !t.quiet:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.silence = time.AfterFunc(maxSilence, p.breakSilence)
	}
	return p
}

// watch says what an interrupt does, since waiting may take as long as a request.
func (p *progress) watch(ctx context.Context, drain time.Duration) (unwatch func() bool) {
	return context.AfterFunc(ctx, func() {
		p.print(fmt.Sprintf("jpsync: interrupted: nothing new is started; waiting at most %s for the requests in flight\n"+
			"  interrupt again to stop at once", drain))
	})
}

// count counts an event.
func (p *progress) count(e executor.Event) {
	ended := e.Type == executor.ApplyComplete || e.Type == executor.ApplyErrored
	p.mu.Lock()
	switch {
	case e.Type == executor.Retry:
		p.retrying[e.App] = true
	case ended:
		delete(p.retrying, e.App)
		p.done++
		if hasFailed(e) {
			p.failed++
		}
	}
	p.mu.Unlock() // first, since the bar asks for the status
	if ended && p.bar != nil {
		p.bar.Increment()
	}
}

// hasFailed reports whether an event is the end of a change that failed.
func hasFailed(e executor.Event) bool {
	return e.Type == executor.ApplyErrored && e.Outcome != executor.NotStarted
}

// show prints a line for an event. The bar counts what goes well, so above it are the failures
// only, unless --verbose is given.
func (p *progress) show(e executor.Event) {
	if p.t.quiet || p.bars != nil && !p.t.verbose && e.Type != executor.ApplyErrored {
		return
	}
	if text := report.EventText(e, p.t.err); text != "" {
		p.print(text)
	}
}

// setPace sets the pace that the status shows.
func (p *progress) setPace(pace executor.Pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace = pace
}

func (p *progress) print(line string) {
	p.mu.Lock()
	if p.silence != nil {
		p.silence.Reset(maxSilence)
	}
	p.mu.Unlock()
	if p.bars != nil {
		if _, err := p.bars.Write([]byte(line + "\n")); err == nil {
			return
		}
	}
	fmt.Fprintln(p.t.Err, line)
}

// status is the text beside the bar.
func (p *progress) status() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := ""
	if elapsed := time.Since(p.began).Seconds(); p.done > 0 && elapsed > 0 {
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

// breakSilence prints the counts when nothing was printed for a while.
func (p *progress) breakSilence() {
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	p.print(fmt.Sprintf("%d of %d done  %s", done, p.total, p.status()))
}

// close removes the bar.
func (p *progress) close() {
	p.mu.Lock()
	if p.silence != nil {
		p.silence.Stop()
		p.silence = nil
	}
	p.mu.Unlock()
	if p.bar != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
}
