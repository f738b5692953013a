package store

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// flaky is a file system whose reads change what they read, if so told.
type flaky struct {
	vfs.FS
	change func(p []byte, at int64)
}

func (f flaky) Open(name string) (vfs.File, error) {
	file, err := f.FS.Open(name)
	return flakyFile{file, f}, err
}

type flakyFile struct {
	vfs.File
	fs flaky
}

func (f flakyFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	f.fs.change(p[:n], at)
	return n, err
}

func TestABitThatFlipsOnTheWayFromTheDiskIsFoundAndReadingAgainHeals(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	flip := false
	disk := flaky{vfs.NewMem(), func(p []byte, _ int64) {
		if flip {
			p[rng.IntN(len(p))] ^= 1 << rng.IntN(8)
		}
	}}
	s := mustOpen(t, disk, Options{})
	var blocks []Block
	for n := range uint64(100) {
		blocks = append(blocks, blockOf(t, n, rng))
	}
	refs := mustWrite(t, s, blocks...)
	for range 20_000 {
		i := rng.IntN(len(refs))
		flip = true
		var d *DamageError
		if _, err := s.Read(refs[i]); !errors.As(err, &d) || d.File != Name(refs[i].Segment) || d.Offset != int64(refs[i].Offset) {
			t.Fatalf("block %d: %v", i, err)
		}
		flip = false
		if body, err := s.Read(refs[i]); err != nil || !same(body, blocks[i].Body) {
			t.Fatalf("block %d again: %v", i, err)
		}
	}
}

func TestABlockThatIsWantedTwiceAtATimeIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads, hold := 0, make(chan struct{})
		disk := flaky{vfs.NewMem(), func([]byte, int64) { reads++; <-hold }}
		s := mustOpen(t, disk, Options{}) // without a cache, which would hide it
		b := blockOf(t, 1, rand.New(rand.NewPCG(1, 2)))
		ref := mustWrite(t, s, b)[0]
		var bodies [5]*stream.Body
		for i := range bodies {
			go func() { bodies[i], _ = s.Read(ref) }()
		}
		synctest.Wait() // one reads, the others wait for it
		close(hold)
		synctest.Wait()
		for _, body := range bodies {
			if body != bodies[0] || !same(body, b.Body) {
				t.Error("not the same for all")
			}
		}
		if reads != 1 || s.Stats().Reads != 1 {
			t.Errorf("read %d times", reads)
		}
	})
}

func TestReadsAreMeasuredAndKept(t *testing.T) {
	now := time.Unix(0, 0)
	s := mustOpen(t, vfs.NewMem(), Options{CacheBytes: 1 << 20, Now: func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}})
	b := blockOf(t, 1, rand.New(rand.NewPCG(1, 2)))
	ref := mustWrite(t, s, b)[0]
	if s.Cached(ref) != nil {
		t.Error("in the cache without having been kept")
	}
	body, err := s.Read(ref)
	if err != nil || s.Cached(ref) != body {
		t.Errorf("not kept: %v", err)
	}
	if again, _ := s.Read(ref); again != body {
		t.Error("read again")
	}
	st := s.Stats()
	if st.Reads != 1 || st.ReadBytes != uint64(ref.Length) || st.ReadTime != time.Millisecond || st.Hits != 1 || st.Misses != 1 {
		t.Errorf("%+v", st)
	}
	if st.Written != 1 || st.WrittenBytes != uint64(ref.Length) || st.WrittenRaw != uint64(len(b.Body.Append(nil))) ||
		st.Segments != 1 || st.SegmentBytes != headerBytes+int64(ref.Length) {
		t.Errorf("%+v", st)
	}
}

// counting counts the open files of a file system.
type counting struct {
	vfs.FS
	open, most *atomic.Int64
}

func (c counting) Open(name string) (vfs.File, error) {
	f, err := c.FS.Open(name)
	if err == nil {
		if n := c.open.Add(1); n > c.most.Load() {
			c.most.Store(n)
		}
	}
	return countedFile{f, c.open}, err
}

type countedFile struct {
	vfs.File
	open *atomic.Int64
}

func (f countedFile) Close() error {
	f.open.Add(-1)
	return f.File.Close()
}

func TestReadersWritersAndRemovalsGoOnTogether(t *testing.T) {
	var open, most atomic.Int64
	s := mustOpen(t, counting{vfs.OS{Root: t.TempDir()}, &open, &most}, Options{SegmentBytes: 600, CacheBytes: 10_000})
	var mu sync.RWMutex // guards what is known; a removal takes it for itself
	known := map[stream.Ref]Block{}
	var refs []stream.Ref
	const readers = 4
	var wg sync.WaitGroup
	done := make(chan struct{})
	for r := range readers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(r), 1))
			for {
				select {
				case <-done:
					return
				default:
				}
				mu.RLock()
				if len(refs) == 0 {
					mu.RUnlock()
					continue
				}
				ref := refs[rng.IntN(len(refs))]
				want := known[ref]
				mu.RUnlock()
				body := s.Cached(ref)
				if body == nil {
					var err error
					body, err = s.Read(ref)
					if errors.Is(err, fs.ErrNotExist) {
						mu.RLock()
						_, there := known[ref]
						mu.RUnlock()
						if there {
							t.Errorf("%v: %v", ref, err)
						}
						continue
					}
					if err != nil {
						t.Errorf("%v: %v", ref, err)
						continue
					}
				}
				if !same(body, want.Body) {
					t.Errorf("%v is another block", ref)
				}
				if rng.IntN(50) == 0 {
					s.Resize(5000 + rng.IntN(10_000))
					s.Keep(ref, body)
					s.Stats()
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range uint64(600) {
		blocks := []Block{blockOf(t, n, rng), blockOf(t, n, rng)}
		fresh := mustWrite(t, s, blocks...)
		mu.Lock()
		for i, ref := range fresh {
			known[ref] = blocks[i]
		}
		refs = append(refs, fresh...)
		mu.Unlock()
		if segments := s.Segments(); n%10 == 9 && len(segments) > 200 {
			seg := segments[rng.IntN(len(segments)/2)].Number
			mu.Lock()
			refs = slices.DeleteFunc(refs, func(r stream.Ref) bool { return r.Segment == seg })
			for ref := range known {
				if ref.Segment == seg {
					delete(known, ref)
				}
			}
			mu.Unlock()
			if err := s.Remove([]uint64{seg}); err != nil {
				t.Error(err)
			}
		}
	}
	for _, ref := range refs {
		if _, err := s.Read(ref); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
	if n := most.Load(); n > maxFiles+readers+2 || n < maxFiles {
		t.Errorf("up to %d files were open", n)
	}
	mustClose(t, s)
	if n := open.Load(); n != 0 {
		t.Errorf("%d files are still open", n)
	}
}

func TestARemovedSegmentGivesItsSpaceBackOnceItsReadersAreDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, most atomic.Int64
		hold := map[int64]chan struct{}{} // by offset
		disk := flaky{counting{vfs.OS{Root: t.TempDir()}, &open, &most}, func(_ []byte, at int64) {
			if c := hold[at]; c != nil {
				<-c
			}
		}}
		s := mustOpen(t, disk, Options{})
		b := blockOf(t, 1, rand.New(rand.NewPCG(1, 2)))
		refs := mustWrite(t, s, b, b)
		s.segmentBytes = 1 // the next one completes the file
		refs = append(refs, mustWrite(t, s, b)...)
		if _, err := s.Read(refs[2]); err != nil {
			t.Fatal(err)
		}
		var bodies [2]*stream.Body
		for _, ref := range refs[:2] {
			hold[int64(ref.Offset)] = make(chan struct{})
		}
		for i, ref := range refs[:2] {
			go func() { bodies[i], _ = s.Read(ref) }()
		}
		synctest.Wait()
		if err := s.Remove([]uint64{1}); err != nil {
			t.Fatal(err)
		}
		for i, ref := range refs[:2] {
			if n := open.Load(); n != 1 {
				t.Errorf("%d files open, and one is being read", n)
			}
			close(hold[int64(ref.Offset)])
			synctest.Wait()
			if bodies[i] == nil || !same(bodies[i], b.Body) {
				t.Errorf("reader %d was disturbed", i)
			}
		}
		if n := open.Load(); n != 0 {
			t.Errorf("%d files still open", n)
		}
		if len(s.Segments()) != 0 {
			t.Error("it is still there")
		}
		if _, err := s.Read(refs[0]); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("reading what is removed: %v", err)
		}
	})
}

// opening calls a function when a file has been opened, before its opener knows.
type opening struct {
	vfs.FS
	opened func()
}

func (o *opening) Open(name string) (vfs.File, error) {
	f, err := o.FS.Open(name)
	if o.opened != nil {
		o.opened()
	}
	return f, err
}

func TestASegmentThatIsRemovedWhileItIsBeingOpenedIsNotHeldOpen(t *testing.T) {
	var open, most atomic.Int64
	disk := &opening{FS: counting{vfs.OS{Root: t.TempDir()}, &open, &most}}
	s := mustOpen(t, disk, Options{SegmentBytes: 1})
	b := blockOf(t, 1, rand.New(rand.NewPCG(1, 2)))
	ref := mustWrite(t, s, b)[0]
	disk.opened = func() {
		if err := s.Remove([]uint64{ref.Segment}); err != nil {
			t.Error(err)
		}
	}
	if body, err := s.Read(ref); err != nil || !same(body, b.Body) {
		t.Errorf("it was open in time: %v", err)
	}
	if n := open.Load(); n != 0 {
		t.Errorf("%d files still open", n)
	}
}

func TestErrorsOfTheSystemAreThoseOfTheSystem(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, mem, Options{})
	b := blockOf(t, 1, rand.New(rand.NewPCG(1, 2)))
	ref := mustWrite(t, s, b)[0]
	for _, op := range []string{"open", "size", "read"} {
		mem.Before = func(o, _ string) error {
			if o == op {
				return &os.PathError{Op: o, Path: "x", Err: syscall.EIO}
			}
			return nil
		}
		if _, err := s.Read(ref); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", op, err)
		}
		told := 0
		if _, err := Verify(mem, testID, 1, 0, func(Record, error) { told++ }); !errors.Is(err, syscall.EIO) || told > 0 {
			t.Errorf("%s: Verify: %v, told of %d records", op, err, told)
		}
	}
	mem.Before = nil
	if body, err := s.Read(ref); err != nil || !same(body, b.Body) {
		t.Errorf("not healed: %v", err)
	}
}
