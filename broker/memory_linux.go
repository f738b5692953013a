package broker

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// totalMemory returns the machine's memory in bytes.
func totalMemory() int64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return int64(s.Totalram) * int64(s.Unit)
}

// residentMemory returns the process's resident set in bytes, from /proc/self/statm, or the fallback.
func residentMemory(fallback int64) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return fallback
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return fallback
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return fallback
	}
	return pages * int64(os.Getpagesize())
}
