//go:build race

package resp

// The race detector keeps several bytes of its own for each of ours.
const memoryFactor = 6
