package manifest

import (
	"bytes"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"gopkg.in/yaml.v3"
)

// ahead reads the small files of a list and makes trees of them before it is their turn, on
// every processor. What it cannot read it leaves to the turn of the file, where the errors
// are: so the result and its order are those of reading one file after the other.
type ahead struct {
	root  *os.Root
	rels  []string
	limit int64 // bytes that a file may have

	next  atomic.Int64
	slots []chan *early // one for each file, with room for its result
	room  chan struct{} // bounds how many results wait
	quit  chan struct{}
	group sync.WaitGroup
}

// early is a file that was read ahead of its turn.
type early struct {
	data []byte
	docs []*yaml.Node
}

// aheadWorkers is how many files are made trees at the same time: as many as there are
// processors, and no more than pay.
func aheadWorkers() int { return min(runtime.GOMAXPROCS(0), 8) }

// readAhead begins to read files of the manifest's directory. Long ones are not for it: these
// are read in pieces.
func (l *loader) readAhead(rels []string) *ahead {
	a := &ahead{root: l.root, rels: rels[:min(len(rels), maxFiles)], limit: int64(l.pieceBytes)}
	workers := min(l.workers, len(a.rels))
	if workers < 2 {
		a.rels = nil
		return a
	}
	a.slots = make([]chan *early, len(a.rels))
	for i := range a.slots {
		a.slots[i] = make(chan *early, 1)
	}
	a.room = make(chan struct{}, 4*workers)
	a.quit = make(chan struct{})
	for range workers {
		a.group.Go(a.work)
	}
	return a
}

func (a *ahead) work() {
	for {
		select {
		case a.room <- struct{}{}:
		case <-a.quit:
			return
		}
		i := int(a.next.Add(1)) - 1
		if i >= len(a.rels) {
			return
		}
		a.slots[i] <- a.read(a.rels[i])
	}
}

// take waits for the file of number i, in order; nil stands for one that was not read.
func (a *ahead) take(i int) *early {
	if i >= len(a.rels) {
		return nil
	}
	e := <-a.slots[i]
	<-a.room
	return e
}

// stop ends the reading and waits for its end.
func (a *ahead) stop() {
	if a.quit != nil {
		close(a.quit)
		a.group.Wait()
	}
}

func (a *ahead) read(rel string) *early {
	file, err := openIn(a.root, rel)
	if err != nil {
		return nil
	}
	defer file.Close()
	data, err := readRegular(file, a.limit)
	if err != nil || notUTF8(data) {
		return nil
	}
	docs, err := decode(bytes.TrimPrefix(data, []byte(byteOrderMark)))
	if err != nil || len(docs) == 0 {
		return nil
	}
	return &early{data, docs}
}
