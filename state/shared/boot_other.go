//go:build !linux

package shared

import "time"

// sinceBoot is unknown here: the wall clock notices a suspended machine.
func sinceBoot() time.Duration { return 0 }
