//go:build !race

package resp

const memoryFactor = 1
