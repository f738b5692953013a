//go:build unix

package resp

import (
	"math"

	"golang.org/x/sys/unix"
)

// maxDescriptors is how many files the process may have open.
func maxDescriptors() int {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil || l.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(l.Cur)
}
