package state_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/state"
	"jpsync/state/statetest"
)

// large returns a state of n apps, each with both certificates.
func large(n int) *state.State {
	s := before()
	for i := range n {
		id := fmt.Sprintf("app-%06d", i)
		sum := sha256.Sum256([]byte(id))
		text := hex.EncodeToString(sum[:])
		a := state.App{AppName: "应用 " + id, AndroidPackage: "cn.example.retail." + id, GroupName: "Retail",
			AppKey: text[:24], MasterSecret: text[24:48], CreatedAt: someTime,
		}
		for _, env := range jpush.Environments {
			a.Certificates.Set(env, state.Certificate{FileSHA256: text, Fingerprint: text,
				BundleID: a.AndroidPackage + ".ios", NotAfter: someTime, UploadedAt: someTime})
		}
		s.Apps[id] = a
	}
	return s
}

func BenchmarkMarshal(b *testing.B) {
	s := large(100_000)
	b.ReportAllocs()
	for b.Loop() {
		doc, err := state.Marshal(s)
		require.NoError(b, err)
		b.SetBytes(int64(len(doc)))
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	doc := marshal(b, large(100_000))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := state.Unmarshal(doc)
		require.NoError(b, err)
	}
}

func BenchmarkFile(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		s := large(n)
		store := state.NewFile(filepath.Join(b.TempDir(), "jpsync.state.json"), state.OS{})
		statetest.Put(b, store, s)
		b.Run(fmt.Sprintf("read/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := store.Load(b.Context())
				require.NoError(b, err)
			}
		})
		b.Run(fmt.Sprintf("write/%d", n), func(b *testing.B) {
			for b.Loop() {
				s.Serial++
				statetest.Put(b, store, s)
			}
		})
	}
}

// BenchmarkJournal appends with as many goroutines that wait for each of their records, and
// reports how many records share a sync.
func BenchmarkJournal(b *testing.B) {
	for _, waiters := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("waiters/%d", waiters), func(b *testing.B) {
			path := place(b)
			syncs, appends := 0, 0
			disk := statetest.NewFaulty(state.OS{}, func(op statetest.Op) error {
				if op.Kind == statetest.Sync {
					syncs++
				}
				return nil
			})
			run, err := state.Begin(b.Context(), state.NewFile(path, disk), state.Options{FS: disk})
			require.NoError(b, err)
			require.NoError(b, run.Bind(endpoint, account))
			require.NoError(b, run.Start(b.Context()))
			syncs = 0
			for b.Loop() {
				var g sync.WaitGroup
				for w := range waiters {
					g.Go(func() {
						for i := range 4 {
							id := fmt.Sprint(w, i)
							if err := run.Append(result(id, state.Result{Op: state.OpCreate, App: certified(id)}))(); err != nil {
								b.Error(err)
							}
						}
					})
				}
				g.Wait()
				appends += waiters * 4
			}
			b.ReportMetric(float64(appends)/float64(syncs), "appends/sync")
			b.ReportMetric(float64(appends)/b.Elapsed().Seconds(), "appends/s")
			require.NoError(b, run.Close())
		})
	}
}
