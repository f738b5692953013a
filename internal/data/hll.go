package data

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A HyperLogLog estimates how many different elements it has seen. It is the bytes of a string, in the format of Redis, so
// that it can be moved there and back:
//
//	+------+----------+---------+----------------------------+-----------+
//	| HYLL | encoding | 3 bytes | cardinality, little endian | registers |
//	|  4   |    1     | unused  |      8; top bit: stale     |           |
//	+------+----------+---------+----------------------------+-----------+
//
// There are 16,384 registers. Dense, each is 6 bits, the lowest first. Sparse, they are runs:
//
//	00xxxxxx           x+1 registers are 0
//	01xxxxxx yyyyyyyy  xy+1 registers are 0
//	1vvvvvxx           x+1 registers are v+1
//
// A sparse one becomes dense when it would get longer than hllMaxSparse bytes, or a register larger than a run can say.
const (
	hllHeader    = 16
	hllDense     = 0
	hllSparse    = 1
	hllRegisters = 1 << hllBits
	hllBits      = 14 // of the hash that choose the register
	hllRest      = 64 - hllBits
	hllDenseSize = hllHeader + hllRegisters*6/8
	hllMaxSparse = 3000

	runMaxZero  = 64 // registers that an opcode of one byte says are 0
	runMaxLen   = 4  // registers that an opcode says have a value
	runMaxValue = 32
)

// HLLRegister is what a HyperLogLog keeps of an element: the register that it belongs to must be at least so high.
type HLLRegister struct {
	Index uint16
	Count uint8
}

// HLLRegisterOf returns the register of an element.
func HLLRegisterOf(element []byte) HLLRegister {
	hash := murmur64(element, 0xadc83b19)
	rest := hash>>hllBits | 1<<hllRest
	return HLLRegister{uint16(hash % hllRegisters), uint8(bits.TrailingZeros64(rest) + 1)}
}

// Valid says that the register exists.
func (r HLLRegister) Valid() bool {
	return r.Index < hllRegisters && r.Count >= 1 && r.Count <= hllRest+1
}

// NewHLL returns one that has seen nothing. There is room for the first elements.
func NewHLL() []byte {
	h := make([]byte, hllHeader+2, 64)
	copy(h, "HYLL")
	h[4] = hllSparse
	appendZeroRun(h[:hllHeader], hllRegisters)
	return h
}

// IsHLL says that bytes look like a HyperLogLog. The registers of a sparse one may still be damaged.
func IsHLL(b []byte) bool {
	if len(b) < hllHeader || string(b[:4]) != "HYLL" {
		return false
	}
	return b[4] == hllSparse || b[4] == hllDense && len(b) == hllDenseSize
}

// CheckHLL says that what IsHLL holds for has all its registers. Only then may it be changed.
func CheckHLL(h []byte) error {
	if h[4] == hllDense {
		return nil
	}
	n := 0
	for at := hllHeader; at < len(h); {
		run := runAt(h, at)
		n += run.len
		at += run.size
		if n > hllRegisters || at > len(h) {
			return ErrDamaged
		}
	}
	if n != hllRegisters {
		return ErrDamaged
	}
	return nil
}

// run is one opcode.
type run struct {
	value, len int
	size       int // in bytes
}

// runAt reads an opcode. A second byte that is missing is 0.
func runAt(h []byte, at int) run {
	switch b := h[at]; {
	case b&0x80 != 0:
		return run{int(b>>2&0x1f) + 1, int(b&3) + 1, 1}
	case b&0x40 == 0:
		return run{0, int(b) + 1, 1}
	case at+1 < len(h):
		return run{0, int(b&0x3f)<<8 + int(h[at+1]) + 1, 2}
	default:
		return run{0, int(b&0x3f)<<8 + 1, 2}
	}
}

func appendZeroRun(b []byte, n int) []byte {
	if n > runMaxZero {
		return append(b, 0x40|byte((n-1)>>8), byte(n-1))
	}
	return append(b, byte(n-1))
}

func appendRun(b []byte, value, n int) []byte {
	if value == 0 {
		return appendZeroRun(b, n)
	}
	return append(b, valueRun(value, n))
}

func valueRun(value, n int) byte { return 0x80 | byte(value-1)<<2 | byte(n-1) }

// HLLAt returns a register, 0 if a damaged HyperLogLog does not have it.
func HLLAt(h []byte, index uint16) uint8 {
	if h[4] == hllDense {
		return denseAt(h[hllHeader:], int(index))
	}
	first := 0
	for at := hllHeader; at < len(h); {
		run := runAt(h, at)
		if first += run.len; int(index) < first {
			return uint8(run.value)
		}
		at += run.size
	}
	return 0
}

// HLLRaise makes a register at least so high, and reports whether it was lower. The bytes may be edited, and others returned. The
// cardinality becomes stale.
func HLLRaise(h []byte, r HLLRegister) (raised []byte, changed bool) {
	index, count := int(r.Index), int(r.Count)
	if h[4] == hllDense {
		changed = denseRaise(h[hllHeader:], index, uint8(count))
	} else {
		h, changed = sparseRaise(h, index, count)
	}
	if changed {
		HLLStale(h)
	}
	return h, changed
}

func denseAt(registers []byte, index int) uint8 {
	bit := index * 6
	at, shift := bit/8, bit%8
	v := uint(registers[at]) >> shift
	if shift > 2 { // the next byte has the rest
		v |= uint(registers[at+1]) << (8 - shift)
	}
	return uint8(v & 63)
}

func denseRaise(registers []byte, index int, count uint8) bool {
	if denseAt(registers, index) >= count {
		return false
	}
	bit := index * 6
	at, shift := bit/8, bit%8
	registers[at] = registers[at]&^byte(63<<shift) | count<<shift
	if shift > 2 {
		registers[at+1] = registers[at+1]&^byte(63>>(8-shift)) | count>>(8-shift)
	}
	return true
}

// sparseRaise raises a register of a sparse one. The run that has it is split, and where then neighbours have the same value
// they are joined: in Redis's order, so that the bytes are the same.
func sparseRaise(h []byte, index, count int) ([]byte, bool) {
	if count > runMaxValue {
		return densely(h, index, count)
	}
	at, before, first := hllHeader, hllHeader, 0
	var old run
	for {
		if at >= len(h) {
			return h, false // damaged
		}
		if old = runAt(h, at); index < first+old.len {
			break
		}
		before, at, first = at, at+old.size, first+old.len
	}
	if old.value >= count {
		return h, false
	}
	var room [5]byte
	split := room[:0]
	if index > first {
		split = appendRun(split, old.value, index-first)
	}
	split = append(split, valueRun(count, 1))
	if last := first + old.len - 1; index < last {
		split = appendRun(split, old.value, last-index)
	}
	if len(split) > old.size && len(h)+len(split)-old.size > hllMaxSparse {
		return densely(h, index, count)
	}
	h = spliceRun(h, at, old.size, split)
	return joinRuns(h, before), true
}

// spliceRun replaces n bytes.
func spliceRun(h []byte, at, n int, by []byte) []byte {
	tail := at + min(n, len(h)-at)
	grow := len(by) - (tail - at)
	size := len(h)
	for range grow {
		h = append(h, 0)
	}
	copy(h[tail+grow:], h[tail:size])
	copy(h[at:], by)
	return h[:size+grow]
}

// joinRuns joins runs of the same value among the five from a place on.
func joinRuns(h []byte, at int) []byte {
	for range 5 {
		if at >= len(h) {
			break
		}
		a := runAt(h, at)
		if a.value > 0 && at+1 < len(h) {
			if b := runAt(h, at+1); a.value == b.value && a.len+b.len <= runMaxLen {
				h[at] = valueRun(a.value, a.len+b.len)
				h = append(h[:at+1], h[at+2:]...)
				continue
			}
		}
		at += a.size
	}
	return h
}

// densely raises a register of a sparse one by making it dense.
func densely(h []byte, index, count int) ([]byte, bool) {
	dense, err := HLLDense(h)
	if err != nil {
		return h, false
	}
	return dense, denseRaise(dense[hllHeader:], index, uint8(count))
}

// HLLDense returns a dense one with the same registers: itself if it is dense.
func HLLDense(h []byte) ([]byte, error) {
	if h[4] == hllDense {
		return h, nil
	}
	if err := CheckHLL(h); err != nil {
		return h, err
	}
	dense := make([]byte, hllDenseSize)
	copy(dense, h[:hllHeader])
	dense[4] = hllDense
	index := 0
	for at := hllHeader; at < len(h); {
		run := runAt(h, at)
		for i := range run.len {
			if run.value > 0 {
				denseRaise(dense[hllHeader:], index+i, uint8(run.value))
			}
		}
		index += run.len
		at += run.size
	}
	return dense, nil
}

// HLLIsDense tells the encoding.
func HLLIsDense(h []byte) bool { return h[4] == hllDense }

// HLLStale says that the cardinality that the header has is no longer right.
func HLLStale(h []byte) { h[15] |= 0x80 }

// HLLCached returns the cardinality of the header; false if it is stale.
func HLLCached(h []byte) (cardinality uint64, ok bool) {
	return binary.LittleEndian.Uint64(h[8:]), h[15]&0x80 == 0
}

// HLLCardinalityAt is where in the bytes the cardinality is kept, as 8 bytes, little endian.
const HLLCardinalityAt = 8

// HLLUnion is the registers of several HyperLogLogs, each as high as the highest.
type HLLUnion [hllRegisters]uint8

// Add raises the registers to those of a HyperLogLog. Bytes that are damaged are refused.
func (u *HLLUnion) Add(h []byte) error {
	if h[4] == hllDense {
		for i := range u {
			u[i] = max(u[i], denseAt(h[hllHeader:], i))
		}
		return nil
	}
	if err := CheckHLL(h); err != nil {
		return err
	}
	index := 0
	for at := hllHeader; at < len(h); {
		run := runAt(h, at)
		if run.value > 0 {
			for i := range run.len {
				u[index+i] = max(u[index+i], uint8(run.value))
			}
		}
		index += run.len
		at += run.size
	}
	return nil
}

// Into raises the registers of a HyperLogLog, which may be edited, to those of the union.
func (u *HLLUnion) Into(h []byte) []byte {
	for i, count := range u {
		if count > 0 {
			h, _ = HLLRaise(h, HLLRegister{uint16(i), count})
		}
	}
	HLLStale(h)
	return h
}

// Cardinality estimates how many elements the union has seen.
func (u *HLLUnion) Cardinality() uint64 {
	var heights [64]int
	for _, count := range u {
		heights[count]++
	}
	return estimate(&heights)
}

// HLLCardinality estimates how many elements a HyperLogLog has seen, by its registers.
func HLLCardinality(h []byte) (uint64, error) {
	var heights [64]int
	if h[4] == hllDense {
		for i := range hllRegisters {
			heights[denseAt(h[hllHeader:], i)]++
		}
		return estimate(&heights), nil
	}
	if err := CheckHLL(h); err != nil {
		return 0, err
	}
	for at := hllHeader; at < len(h); {
		run := runAt(h, at)
		heights[run.value] += run.len
		at += run.size
	}
	return estimate(&heights), nil
}

// estimate computes the cardinality from how many registers have each height: Otmar Ertl, New cardinality estimation
// algorithms for HyperLogLog sketches, arXiv:1702.01284. The conversions keep products from being fused with sums, which would
// give other digits on some machines.
func estimate(heights *[64]int) uint64 {
	const (
		m        = float64(hllRegisters)
		alphaInf = 0.721347520444481703680
	)
	z := m * tau((m-float64(heights[hllRest+1]))/m)
	for i := hllRest; i >= 1; i-- {
		z = float64(z+float64(heights[i])) * 0.5
	}
	z += float64(m * sigma(float64(heights[0])/m))
	return uint64(math.Round(alphaInf * m * m / z))
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		was := z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
		if was == z {
			return z / 3
		}
	}
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		was := z
		z += float64(x * y)
		y += y
		if was == z {
			return z
		}
	}
}

// murmur64 is MurmurHash64A.
func murmur64(b []byte, seed uint64) uint64 {
	const m, r = 0xc6a4a7935bd1e995, 47
	h := seed ^ uint64(len(b))*m
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * m
		k = (k ^ k>>r) * m
		h = (h ^ k) * m
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		h = (h ^ binary.LittleEndian.Uint64(last[:])) * m
	}
	h = (h ^ h>>r) * m
	return h ^ h>>r
}
