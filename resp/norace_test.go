//go:build !race

package resp

const (
	memoryFactor     = 1
	allocationFactor = 1
)
