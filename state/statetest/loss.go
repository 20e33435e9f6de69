package statetest

import (
	"fmt"
	"maps"
	"slices"
)

// Data says what becomes of bytes that were written and not synced.
type Data int

// The ways to lose bytes. A disk writes sectors of 512 bytes, whole ones.
const (
	DataForgotten Data = iota // the file is as long as it was when it was synced
	DataKept                  // all is there
	DataTorn                  // the first half is there
	DataZeroed                // the file has its length, and zeros where the bytes were
	DataHoled                 // the first sector that was not synced is zeros, the rest is there
	dataWays
)

// Names says which changes of names that were not synced are there after the power loss, as
// a set of bits: bit 0 is the oldest change. Every file system may keep any of them.
type Names uint64

// The two extremes.
const (
	NamesForgotten Names = 0
	NamesKept      Names = 1<<64 - 1
)

// Loss is one outcome of a power loss.
type Loss struct {
	Data  Data
	Names Names
}

func (l Loss) String() string { return fmt.Sprintf("data way %d, names %b", l.Data, l.Names) }

// Losses lists the outcomes that are worth a try: each way to lose bytes, with every prefix
// of the changes of names and with each change alone.
func (m *Memory) Losses() []Loss {
	m.mu.Lock()
	n := len(m.pending)
	m.mu.Unlock()
	names := []Names{NamesForgotten, NamesKept}
	for i := range min(n, 63) {
		names = append(names, 1<<i, 1<<i-1)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var all []Loss
	for d := range dataWays {
		for _, n := range names {
			all = append(all, Loss{Data: d, Names: n})
		}
	}
	return all
}

// Lose returns the file system as it is when the power is back. m stays as it is.
func (m *Memory) Lose(l Loss) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	names := maps.Clone(m.durable)
	for i, c := range m.pending {
		if l.Names&(1<<min(i, 63)) != 0 {
			c.apply(names)
		}
	}
	left := &Memory{}
	left.init()
	copies := map[*inode]*inode{} // a name that was lost and one that was kept may be one file's
	for name, file := range names {
		if copies[file] == nil {
			data := file.lose(l.Data)
			copies[file] = &inode{data: data, synced: len(data), mode: file.mode}
		}
		left.names[name] = copies[file]
	}
	left.durable = maps.Clone(left.names)
	return left
}

func (f *inode) lose(d Data) []byte {
	const sector = 512
	data := slices.Clone(f.data)
	switch d {
	case DataForgotten:
		return data[:f.synced]
	case DataTorn:
		return data[:f.synced+(len(data)-f.synced)/2]
	case DataZeroed:
		clear(data[f.synced:])
	case DataHoled:
		clear(data[f.synced:min(len(data), (f.synced/sector+1)*sector)])
	}
	return data
}
