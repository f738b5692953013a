package broker

import (
	"runtime"
	"sync"

	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// blockReaders are the goroutines that read blocks: so many at most, and none while there is nothing to read.
type blockReaders struct {
	mu      sync.Mutex
	queue   []blockRead
	soon    map[stream.Ref]bool // that are read ahead, or will be
	running int
	closed  bool
	all     sync.WaitGroup
}

// blockRead is a part of what somebody waits for.
type blockRead struct {
	store *store.Store
	refs  []stream.Ref
	found []content
	whole *wholeRead // nil: read ahead
}

// wholeRead is all of that.
type wholeRead struct {
	left int // parts; guarded by blockReaders.mu
	done func([]content)
	all  []content
}

// readTogether is how many blocks one goroutine reads for somebody, while others may read the rest.
const readTogether = 4

// read reads blocks and calls done, on another goroutine, with one content for each.
func (r *blockReaders) read(s *store.Store, refs []stream.Ref, done func([]content)) {
	w := &wholeRead{done: done, all: make([]content, len(refs))}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	for from := 0; from < len(refs); from += readTogether {
		to := min(from+readTogether, len(refs))
		w.left++
		r.add(blockRead{s, refs[from:to], w.all[from:to], w})
	}
}

// add queues a part. r.mu is held.
func (r *blockReaders) add(part blockRead) {
	r.queue = append(r.queue, part)
	if r.running < 2*runtime.GOMAXPROCS(0) {
		r.running++
		r.all.Go(r.work)
	}
}

// ahead reads blocks into the cache that are not there, unless there is much to do already.
func (r *blockReaders) ahead(s *store.Store, refs []stream.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, ref := range refs {
		if r.closed || len(r.queue) >= mostAhead || len(r.soon) >= mostAhead {
			return
		}
		if !r.soon[ref] && !s.Has(ref) {
			if r.soon == nil {
				r.soon = map[stream.Ref]bool{}
			}
			r.soon[ref] = true
			r.add(blockRead{s, refs[i : i+1], make([]content, 1), nil})
		}
	}
}

func (r *blockReaders) work() {
	r.mu.Lock()
	for len(r.queue) > 0 {
		part := r.queue[0]
		r.queue[0] = blockRead{}
		r.queue = r.queue[1:]
		r.mu.Unlock()
		for i, ref := range part.refs {
			part.found[i].body, part.found[i].err = part.store.Read(ref)
		}
		r.mu.Lock()
		if part.whole == nil {
			delete(r.soon, part.refs[0])
			continue
		}
		if part.whole.left--; part.whole.left == 0 {
			r.mu.Unlock()
			part.whole.done(part.whole.all)
			r.mu.Lock()
		}
	}
	r.running--
	r.mu.Unlock()
}

// close ends reading; who waits is not told any more.
func (r *blockReaders) close() {
	r.mu.Lock()
	r.closed = true
	r.queue = nil
	r.mu.Unlock()
	r.all.Wait()
}
