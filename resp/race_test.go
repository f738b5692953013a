//go:build race

package resp

// The race detector keeps several bytes of its own for each of ours, and makes sync.Pool forget at random.
const (
	memoryFactor     = 6
	allocationFactor = 40
)
