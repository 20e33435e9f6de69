package planner_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// unread is an inspector of files that nobody touched since they were uploaded.
type unread struct{}

func (unread) Inspect(_ manifest.Certificate, known string) (planner.Inspection, error) {
	return planner.Inspection{FileSHA256: known}, nil
}

// inStep is a manifest and a state of n apps with two certificates each that agree.
func inStep(n int) planner.Input {
	m := &manifest.Manifest{Path: "jpsync.yaml", Apps: make([]manifest.App, n)}
	st := applied(nil)
	for i := range m.Apps {
		id := fmt.Sprintf("app-%06d", i)
		m.Apps[i] = manifest.App{ID: id, AppName: id, AndroidPackage: "cn.example." + id,
			Certificates: map[jpush.Environment]manifest.Certificate{
				jpush.Development: {File: id + ".dev.p12", Path: id + ".dev.p12"},
				jpush.Production:  {File: id + ".p12", Path: id + ".p12"},
			}}
		st.Apps[id] = app(id, "cn.example."+id,
			with(jpush.Development, p12(push(id+" dev", id, days(300)), "export")),
			with(jpush.Production, p12(push(id, id, days(300)), "export")))
	}
	in := input(m, st, nil)
	in.Certificates = unread{}
	return in
}

// fresh is n apps that the state does not have.
func fresh(n int) planner.Input {
	in := inStep(n)
	for i := range in.Manifest.Apps {
		in.Manifest.Apps[i].Certificates = nil
	}
	in.State = state.New()
	return in
}

// left is n apps that left the manifest.
func left(n int) planner.Input {
	in := inStep(n)
	in.Manifest.Apps = nil
	return in
}

func BenchmarkBuild(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(int) planner.Input
	}{{"unchanged", inStep}, {"new", fresh}, {"removed", left}} {
		for _, n := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				in := c.make(n)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := planner.Build(in); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/app")
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	p, err := planner.Build(fresh(10_000))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := planner.Encode(p); err != nil {
			b.Fatal(err)
		}
	}
}
