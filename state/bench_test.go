package state_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
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

// BenchmarkUnmarshalWithEncodingJSON is what the hand-written codec is measured against.
func BenchmarkUnmarshalWithEncodingJSON(b *testing.B) {
	doc := marshal(b, large(100_000))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		var s struct {
			Apps map[string]struct {
				AppName        string `json:"app_name"`
				AndroidPackage string `json:"android_package"`
				GroupName      string `json:"group_name"`
				AppKey         string `json:"app_key"`
				MasterSecret   string `json:"master_secret"`
				CreatedAt      string `json:"created_at"`
				Certificates   map[string]struct {
					FileSHA256  string `json:"file_sha256"`
					Fingerprint string `json:"fingerprint"`
					BundleID    string `json:"bundle_id"`
					NotAfter    string `json:"not_after"`
					UploadedAt  string `json:"uploaded_at"`
				} `json:"certificates"`
			} `json:"apps"`
		}
		require.NoError(b, json.Unmarshal(doc, &s))
	}
}

func BenchmarkFile(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		s := large(n)
		store := state.NewFile(filepath.Join(b.TempDir(), "jpsync.state.json"), state.OS{})
		require.NoError(b, store.Write(b.Context(), s))
		b.Run(fmt.Sprintf("read/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := store.Read(b.Context())
				require.NoError(b, err)
			}
		})
		b.Run(fmt.Sprintf("write/%d", n), func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, store.Write(b.Context(), s))
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
				if strings.Contains(op.Name, ".journal") && op.Kind == statetest.Sync {
					syncs++
				}
				return nil
			})
			run, err := state.Begin(b.Context(), state.NewFile(path, disk), state.Options{FS: disk})
			require.NoError(b, err)
			require.NoError(b, run.Bind(endpoint, account))
			require.NoError(b, run.Open(1))
			syncs = 0
			for b.Loop() {
				var g sync.WaitGroup
				for w := range waiters {
					g.Go(func() {
						for i := range 4 {
							id := fmt.Sprint(w, i)
							ack, err := run.Record(state.Result{Op: state.OpCreate, ID: id, App: certified(id)})
							if err == nil {
								err = ack.Wait()
							}
							if err != nil {
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
