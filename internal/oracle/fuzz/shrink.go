package fuzz

import "slices"

// Shrink looks for a shorter round that still fails: it cuts what comes after
// the difference, then leaves out ever smaller parts (delta debugging). It
// asks fails at most tries times.
func Shrink(rd Round, at, tries int, fails func(Round) bool) Round {
	if at < len(rd.Ops) {
		rd.Ops = rd.Ops[:at+1]
	}
	for part := (len(rd.Ops) + 1) / 2; part > 0; {
		shorter := false
		for from := 0; from < len(rd.Ops) && tries > 0; {
			without := slices.Concat(rd.Ops[:from], rd.Ops[min(from+part, len(rd.Ops)):])
			tries--
			shortened := rd
			if shortened.Ops = without; fails(shortened) {
				rd, shorter = shortened, true
			} else {
				from += part
			}
		}
		if part == 1 && !shorter || tries <= 0 {
			break
		}
		part = max(1, part/2)
	}
	return rd
}
