package shared

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a [Place] in this process, for tests.
type Memory struct {
	mu      sync.Mutex
	objects map[string]object
}

type object struct {
	body []byte
	time time.Time
}

// NewMemory returns an empty place.
func NewMemory() *Memory { return &Memory{objects: map[string]object{}} }

// Create implements [Place].
func (m *Memory) Create(ctx context.Context, name string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := m.objects[name]; ok {
		return ErrExists
	}
	m.objects[name] = object{body: slices.Clone(body), time: time.Now()}
	return nil
}

// List implements [Place].
func (m *Memory) List(ctx context.Context, prefix, after string) ([]Entry, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	var entries []Entry
	for name, o := range m.objects {
		if strings.HasPrefix(name, prefix) && name > after {
			entries = append(entries, Entry{Name: name, Size: int64(len(o.body)), Time: o.time})
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, time.Now(), nil
}

// Read implements [Place].
func (m *Memory) Read(ctx context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o, ok := m.objects[name]
	if !ok {
		return nil, ErrNotFound
	}
	return slices.Clone(o.body), nil
}

// Remove implements [Place].
func (m *Memory) Remove(ctx context.Context, names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		delete(m.objects, name)
	}
	return ctx.Err()
}

// Location implements [Place].
func (m *Memory) Location() string { return "memory" }
