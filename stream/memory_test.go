package stream

import "fmt"

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

func allBlocks(s *Stream) []*block {
	var all []*block
	for _, c := range s.sealed.chunks {
		all = append(all, c.blocks...)
	}
	if s.open != nil {
		all = append(all, s.open)
	}
	return all
}

// checkSums verifies what is added up over blocks.
func checkSums(s *Stream) error {
	var memory, disk int64
	count := 0
	for i, c := range s.sealed.chunks {
		var sum chunk
		for _, b := range c.blocks {
			sum.add(b, 1)
			if b.live <= 0 {
				return fmt.Errorf("a sealed block from %v to %v has nothing alive", b.first, b.last)
			}
		}
		if len(c.blocks) == 0 || sum.live != c.live || sum.memory != c.memory || sum.disk != c.disk {
			return fmt.Errorf("chunk %d of %d blocks says %d, %d, %d, not %d, %d, %d", i, len(c.blocks), c.live, c.memory, c.disk, sum.live, sum.memory, sum.disk)
		}
		memory, disk, count = memory+sum.memory, disk+sum.disk, count+len(c.blocks)
	}
	if s.open != nil {
		memory, count = memory+s.openMemory, count+1
	}
	if s.memory != memory || s.disk != disk || s.count != count {
		return fmt.Errorf("%d bytes in memory, %d on disk, %d blocks, not %d, %d, %d", s.memory, s.disk, s.count, memory, disk, count)
	}
	return nil
}
