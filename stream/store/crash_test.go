package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// life is what a caller of a store knows: every Ref that was returned and not removed since, and what must be there.
type life struct {
	t      testing.TB
	rng    *rand.Rand
	blocks map[stream.Ref]Block
	n      uint64 // blocks made
	next   uint64
}

func newLife(t testing.TB, seed uint64) *life {
	return &life{t: t, rng: rand.New(rand.NewPCG(seed, 1)), blocks: map[stream.Ref]Block{}}
}

// refs returns those that are known, in a fixed order.
func (l *life) refs() []stream.Ref {
	refs := make([]stream.Ref, 0, len(l.blocks))
	for ref := range l.blocks {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b stream.Ref) int {
		return slices.Compare([]uint64{a.Segment, uint64(a.Offset)}, []uint64{b.Segment, uint64(b.Offset)})
	})
	return refs
}

// named is what a checkpoint would name.
func (l *life) named() map[uint64]int64 {
	named := map[uint64]int64{}
	for ref := range l.blocks {
		named[ref.Segment] = max(named[ref.Segment], int64(ref.Offset)+int64(ref.Length))
	}
	return named
}

// open opens a store; with small files, so that a short life sees many.
func (l *life) open(fsys vfs.FS) (*Store, error) {
	return Open(Options{FS: fsys, ID: testID, Next: l.next, SegmentBytes: 1500, CacheBytes: 2000})
}

// step does one random thing and says how it failed, if it did. What must not fail ends the test.
func (l *life) step(s *Store) error {
	defer func() { l.next = max(l.next, s.Next()) }()
	switch refs := l.refs(); l.rng.IntN(8) {
	case 0, 1, 2, 3:
		return l.write(s)
	case 4, 5:
		if len(refs) == 0 {
			return nil
		}
		ref := refs[l.rng.IntN(len(refs))]
		body := s.Cached(ref)
		if body == nil {
			var err error
			if body, err = s.Read(ref); err != nil {
				return err
			}
		}
		if !same(body, l.blocks[ref].Body) {
			l.t.Fatalf("%v is another block", ref)
		}
	case 6:
		return l.remove(s)
	case 7:
		for _, ref := range refs[:len(refs)/2] {
			s.Keep(ref, l.blocks[ref].Body)
		}
	}
	return nil
}

func (l *life) write(s *Store) error {
	blocks := make([]Block, l.rng.IntN(6))
	for i := range blocks {
		blocks[i] = blockOf(l.t, l.n, l.rng)
		l.n++
	}
	refs, err := s.Write(blocks)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		if _, twice := l.blocks[ref]; twice {
			l.t.Fatalf("%v was returned twice", ref)
		}
		l.blocks[ref] = blocks[i]
	}
	return nil
}

// remove removes some segment. What is in it is unknown from then on, also if that fails.
func (l *life) remove(s *Store) error {
	segments := s.Segments()
	if len(segments) < 3 {
		return nil
	}
	seg := segments[l.rng.IntN(len(segments))]
	if !seg.Closed {
		return nil
	}
	for ref := range l.blocks {
		if ref.Segment == seg.Number {
			delete(l.blocks, ref)
		}
	}
	return s.Remove([]uint64{seg.Number})
}

// check reads everything that must be there with a fresh store.
func (l *life) check(what string, fsys vfs.FS) *Store {
	l.t.Helper()
	s, err := l.open(fsys)
	if err != nil {
		l.t.Fatalf("%s: %v", what, err)
	}
	if err := s.Find(l.named()); err != nil {
		l.t.Fatalf("%s: %v", what, err)
	}
	for ref, b := range l.blocks {
		body, err := s.Read(ref)
		if err != nil {
			l.t.Fatalf("%s: %v: %v", what, ref, err)
		}
		if !same(body, b.Body) {
			l.t.Fatalf("%s: %v is another block", what, ref)
		}
	}
	return s
}

func TestAStoreIsAMapOfRefsToBlocks(t *testing.T) {
	for seed := range uint64(20) {
		l := newLife(t, seed)
		fsys := vfs.NewMem()
		for range 5 {
			s := l.check("opened", fsys)
			for range 60 {
				if err := l.step(s); err != nil {
					t.Fatal(err)
				}
			}
			if l.rng.IntN(2) == 0 {
				mustClose(t, s)
			}
		}
		s := l.check("at the end", fsys)
		for _, seg := range s.Segments() {
			bad := 0
			if _, err := Verify(fsys, testID, seg.Number, l.named()[seg.Number], func(_ Record, err error) {
				if err != nil {
					bad++
				}
			}); err != nil || bad > 0 {
				t.Fatalf("segment %d: %v, %d records damaged", seg.Number, err, bad)
			}
		}
	}
}

// TestAPowerCutAtAnyOperationLosesNothingThatWasReturned cuts the power before every operation on the file system, in
// several ways each, looks, goes on with what is left, and cuts it again.
func TestAPowerCutAtAnyOperationLosesNothingThatWasReturned(t *testing.T) {
	const ways = 4
	cuts := 0
	for seed := range uint64(12) {
		l := newLife(t, seed)
		cut := rand.New(rand.NewPCG(seed, 2))
		fsys := vfs.NewMem()
		fsys.Before = func(op, name string) error {
			for range ways {
				after := fsys.Crash(cut)
				cuts++
				what := fmt.Sprintf("seed %d, before %s of %s", seed, op, name)
				next := &life{t: t, rng: cut, blocks: map[stream.Ref]Block{}, n: l.n, next: l.next}
				for ref, b := range l.blocks {
					next.blocks[ref] = b
				}
				s := next.check(what, after)
				for range 6 {
					if err := next.step(s); err != nil {
						t.Fatalf("%s, then: %v", what, err)
					}
				}
				next.check(what+", and again", after.Crash(cut))
			}
			return nil
		}
		s := l.check("new", fsys)
		for range 40 {
			if err := l.step(s); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, s)
	}
	t.Logf("%d power cuts", cuts)
	if cuts < 2000 {
		t.Errorf("only %d power cuts", cuts)
	}
}

// TestAnyOperationMayFail lets the k-th operation on the file system fail, or several from it on, for every k: an error is
// reported or nothing is lost, what was returned stays, a file that failed is left alone, and all is well afterwards.
func TestAnyOperationMayFail(t *testing.T) {
	for _, fault := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EMFILE} {
		for _, length := range []int{1, 4} {
			for k := 1; ; k++ {
				if !failFrom(t, k, length, fault) {
					if k < 100 {
						t.Errorf("the life has only %d operations", k)
					}
					break
				}
			}
		}
	}
}

// failFrom lives a life in which the operations from the k-th on fail; false if it has not so many.
func failFrom(t *testing.T, k, length int, fault syscall.Errno) bool {
	t.Helper()
	l := newLife(t, 5)
	fsys := vfs.NewMem()
	ops, dead := 0, map[string]bool{}
	fsys.Before = func(op, name string) error {
		ops++
		if dead[name] && (op == "write" || op == "sync") {
			t.Errorf("k %d: %s of %s, which has failed", k, op, name)
		}
		if ops < k || ops >= k+length {
			return nil
		}
		if op == "write" || op == "sync" {
			dead[name] = true
		}
		return fault
	}
	failed := false
	note := func(err error) {
		if err == nil {
			return
		}
		failed = true
		if !errors.Is(err, fault) {
			t.Fatalf("k %d: %v", k, err)
		}
	}
	s, err := l.open(fsys)
	for err != nil {
		note(err)
		s, err = l.open(fsys)
	}
	for range 80 {
		note(l.step(s))
	}
	note(s.Close())
	reached := ops >= k
	for _, seg := range s.Segments() {
		if size, err := fsys.Size(Name(seg.Number)); err == nil && size != seg.Bytes || !seg.Closed {
			t.Errorf("k %d: %d bytes, %v, and the store says %+v", k, size, err, seg)
		}
	}
	if reached && !failed {
		t.Errorf("k %d: the failure was not reported", k)
	}
	fsys.Before = nil
	what := fmt.Sprintf("k %d, %v", k, fault)
	l.check(what, fsys)
	if s := l.check(what+", power cut", fsys.Crash(l.rng)); l.write(s) != nil {
		t.Errorf("k %d: it does not go on", k)
	}
	return reached
}
