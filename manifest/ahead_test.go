package manifest

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// manyFiles is a set of n files with five apps each, with wrong ones among them if asked for.
func manyFiles(t testing.TB, n int, wrong bool) {
	t.Helper()
	for i := range n {
		text := "version: 1\napps:\n"
		for j := range 5 {
			text += entry(fmt.Sprintf("f%d-%d", i, j))
		}
		text = strings.ReplaceAll(text, "example.f", "example.f_")
		text = strings.ReplaceAll(text, "-", "_")
		text = strings.ReplaceAll(text, "  _ ", "  - ")
		if wrong {
			switch i % 10 {
			case 1:
				text += "  - {id: f0_0, app_name: A, android_package: x}\n"
			case 3:
				text += "  - [\n"
			case 5:
				text = "\xff\xfe" + text
			case 7:
				text += "---\na: b\n"
			case 8:
				text = ""
			case 9:
				text = "version: 1\napps:\n" + strings.Repeat(" ", 3000) + "- 1\n"
			}
		}
		write(t, ".", fmt.Sprintf("teams/%03d.yaml", i), text)
	}
	write(t, ".", "jpsync.yaml", "version: 1\ninclude:\n  - teams/*.yaml\n  - teams/01?.yaml\n")
}

func loadWith(path string, workers int, max int64) (*Manifest, error) {
	l := newLoader(path, Options{MaxBytes: max})
	l.workers, l.pieceBytes = workers, 2000
	return l.load()
}

// Files that are read at the same time come to what they come to one after the other: apps,
// hash, errors and all.
func TestAheadIsLikeOneByOne(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		t.Run(fmt.Sprintf("wrong=%t", wrong), func(t *testing.T) {
			t.Chdir(t.TempDir())
			manyFiles(t, 60, wrong)
			for _, path := range []string{"jpsync.yaml", "teams"} {
				for _, max := range []int64{0, 5000, 40} {
					want, wantErr := loadWith(path, 1, max)
					for _, workers := range []int{2, 3, 8, 100} {
						got, err := loadWith(path, workers, max)
						require.Equal(t, want, got)
						require.Equal(t, wantErr, err)
					}
					if !wrong && max == 0 {
						require.NoError(t, wantErr)
						require.Len(t, want.Apps, 300)
					} else {
						require.Error(t, wantErr)
					}
				}
			}
		})
	}
}

// A load that ends early leaves no reader behind: synctest fails over one that waits for ever.
func TestAheadEnds(t *testing.T) {
	t.Chdir(t.TempDir())
	manyFiles(t, 60, false)
	synctest.Test(t, func(t *testing.T) {
		_, err := loadWith("teams", 8, 100)
		require.ErrorIs(t, err, ErrTooLarge)
	})
}

func BenchmarkManyFiles(b *testing.B) {
	b.Chdir(b.TempDir())
	manyFiles(b, 200, false)
	for _, workers := range []int{1, aheadWorkers()} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			for b.Loop() {
				l := newLoader("jpsync.yaml", Options{})
				l.workers = workers
				if _, err := l.load(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
