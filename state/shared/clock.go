package shared

import "time"

// stamp is a moment by every clock of this machine. A lease is a promise to other machines,
// so it counts as old as the clock says that has seen most time go by: Go's monotonic clock
// stands still while a machine is suspended, and the wall clock may be set back.
type stamp struct {
	at   time.Time     // wall and monotonic
	boot time.Duration // since the machine started, suspension included; 0 where unknown
}

func now() stamp { return stamp{at: time.Now(), boot: sinceBoot()} }

// age is the longest time that any of the clocks has seen between s and later.
func (s stamp) age(later stamp) time.Duration {
	return max(
		later.at.Sub(s.at),
		later.at.Round(0).Sub(s.at.Round(0)),
		later.boot-s.boot,
	)
}
