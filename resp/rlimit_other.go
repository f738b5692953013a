//go:build !unix

package resp

import "math"

func maxDescriptors() int { return math.MaxInt32 }
