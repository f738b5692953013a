package zsets

import (
	"cmp"
	"slices"
)

// sort brings spots into the order that is asked for, the first so many of them at least.
//
// Spots of one distance come in the order in which Redis's algorithms leave them: if all are wanted that in which they were
// found, and otherwise that of a quicksort (Bentley and McIlroy, "Engineering a Sort Function", 1993) which leaves out parts
// that are not wanted.
func (a *geoArgs) sort(found []spot, wanted int) {
	var compare func(a, b *spot) int
	switch a.order {
	case unsorted:
		return
	case nearestFirst:
		compare = func(a, b *spot) int { return cmp.Compare(a.metres, b.metres) }
	case farthestFirst:
		compare = func(a, b *spot) int { return cmp.Compare(b.metres, a.metres) }
	}
	if wanted == len(found) {
		slices.SortStableFunc(found, func(a, b spot) int { return compare(&a, &b) })
		return
	}
	spotSort{found, compare, wanted}.sort(0, len(found))
}

type spotSort struct {
	spots   []spot
	compare func(a, b *spot) int
	wanted  int
}

func (s spotSort) order(i, j int) int { return s.compare(&s.spots[i], &s.spots[j]) }
func (s spotSort) swap(i, j int)      { s.spots[i], s.spots[j] = s.spots[j], s.spots[i] }

// swapRanges exchanges n spots from i on with those from j on.
func (s spotSort) swapRanges(i, j, n int) {
	for k := range n {
		s.swap(i+k, j+k)
	}
}

// sort sorts the spots between two indexes, if any of them is wanted.
func (s spotSort) sort(from, to int) {
	for n := to - from; n > 1 && from < s.wanted; n = to - from {
		if n < 7 {
			s.insertion(from, to)
			return
		}
		s.swap(from, s.pivot(from, n))
		low, high := s.partition(from, to)
		s.sort(from, from+low)
		from = to - high
	}
}

func (s spotSort) insertion(from, to int) {
	for i := from + 1; i < to; i++ {
		for j := i; j > from && s.order(j-1, j) > 0; j-- {
			s.swap(j, j-1)
		}
	}
}

// pivot chooses the median of three, or of three such medians.
func (s spotSort) pivot(from, n int) int {
	middle := from + n/2
	if n == 7 {
		return middle
	}
	low, high := from, from+n-1
	if n > 40 {
		d := n / 8
		low = s.median(low, low+d, low+2*d)
		middle = s.median(middle-d, middle, middle+d)
		high = s.median(high-2*d, high-d, high)
	}
	return s.median(low, middle, high)
}

func (s spotSort) median(i, j, k int) int {
	if s.order(i, j) < 0 {
		switch {
		case s.order(j, k) < 0:
			return j
		case s.order(i, k) < 0:
			return k
		}
		return i
	}
	switch {
	case s.order(j, k) > 0:
		return j
	case s.order(i, k) < 0:
		return i
	}
	return k
}

// partition brings what is below the first spot to the front, and what is above it to the back, and returns how many they are.
// What equals it is gathered at both ends first, and comes between them then.
func (s spotSort) partition(from, to int) (low, high int) {
	equalLow, i := from+1, from+1
	j, equalHigh := to-1, to-1
	for {
		for ; i <= j; i++ {
			order := s.order(i, from)
			if order > 0 {
				break
			}
			if order == 0 {
				s.swap(equalLow, i)
				equalLow++
			}
		}
		for ; i <= j; j-- {
			order := s.order(j, from)
			if order < 0 {
				break
			}
			if order == 0 {
				s.swap(j, equalHigh)
				equalHigh--
			}
		}
		if i > j {
			break
		}
		s.swap(i, j)
		i++
		j--
	}
	n := min(equalLow-from, i-equalLow)
	s.swapRanges(from, i-n, n)
	n = min(equalHigh-j, to-1-equalHigh)
	s.swapRanges(i, to-n, n)
	return i - equalLow, equalHigh - j
}
