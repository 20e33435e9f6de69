package cli

import (
	"os"
	"runtime"
	"runtime/debug"
)

// collectSeldom lets a process take five times what it has in use: what is read stays in use
// to the end, and collecting it again and again would take the processors away from the
// requests. GOGC in the environment overrules it.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// What an apply may take from its first request on, beside what it has by then, in bytes.
const (
	roomForAnswers = 24 << 20
	roomPerChange  = 2 << 10
)

// boundMemory makes collections as frequent as it takes to stay within the room that so many
// changes need: a server decides how large its answers are. GOMEMLIMIT in the environment
// overrules it.
func boundMemory(changes int) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	debug.SetMemoryLimit(int64(now.Sys-now.HeapReleased) + roomForAnswers + int64(changes)*roomPerChange)
}
