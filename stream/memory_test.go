package stream

// The methods that can fail do not, for a stream all of which is in memory.

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mustID(id ID, ok bool, err error) (ID, bool) {
	if err != nil {
		panic(err)
	}
	return id, ok
}

func mustPlan(through ID, removed uint64, err error) (ID, uint64) {
	if err != nil {
		panic(err)
	}
	return through, removed
}

// trim returns how many entries went.
func trim(s *Stream, through ID, removed uint64) uint64 {
	before := s.Len()
	s.Trim(through, removed)
	return before - s.Len()
}
