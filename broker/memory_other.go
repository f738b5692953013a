//go:build !linux

package broker

// totalMemory is unknown here.
func totalMemory() int64 { return 0 }

// residentMemory is what the Go runtime has not given back to the system.
func residentMemory(fallback int64) int64 { return fallback }
