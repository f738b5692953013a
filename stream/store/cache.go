package store

import (
	"sync"

	"github.com/weirmq/weir/stream"
)

// cache holds bodies up to a number of bytes. It is made so that reading all of a long history once does not throw out what
// is read again and again: the two queues of Johnson and Shasha (2Q, 1994).
//
//	          first time                     thrown out                 too long ago
//	content ------------->  fresh (a queue)  ---------->  gone (refs)  ------------->
//	                                                       | again
//	                                                       v
//	                                                hot (least recently used goes)
//
// Several reads of a block in a row, which a sequential reader makes, count once: a block is hot only if it is wanted
// again after it has left fresh. While nothing is hot, fresh has all the room.
type cache struct {
	mu    sync.Mutex
	max   int
	nodes map[stream.Ref]*node
	fresh queue
	hot   queue
	gone  queue // without bodies

	hits, misses uint64
}

// node is a block in one of the queues.
type node struct {
	ref        stream.Ref
	body       *stream.Body // nil in gone
	size       int          // bytes that the body takes, or took, and this node
	in         *queue
	prev, next *node
}

// queue is a ring around root: the newest is root.next, the oldest root.prev.
type queue struct {
	root  node
	bytes int // of its nodes' sizes
	n     int
}

func (q *queue) push(e *node) {
	e.in, e.prev, e.next = q, &q.root, q.root.next
	e.prev.next, e.next.prev = e, e
	q.bytes += e.size
	q.n++
}

func (e *node) leave() {
	e.prev.next, e.next.prev = e.next, e.prev
	e.in.bytes -= e.size
	e.in.n--
	e.in = nil
}

// nodeBytes is what a node and its place in the map take.
const nodeBytes = 160

func newCache(max int) *cache {
	c := &cache{max: max, nodes: map[stream.Ref]*node{}}
	for _, q := range []*queue{&c.fresh, &c.hot, &c.gone} {
		q.root.prev, q.root.next = &q.root, &q.root
	}
	return c
}

// get returns a body that is here, else nil, and counts which if so told.
func (c *cache) get(ref stream.Ref, count bool) *stream.Body {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.nodes[ref]
	if e == nil || e.body == nil {
		if count {
			c.misses++
		}
		return nil
	}
	if count {
		c.hits++
	}
	if e.in == &c.hot {
		e.leave()
		c.hot.push(e)
	}
	return e.body
}

func (c *cache) has(ref stream.Ref) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.nodes[ref]
	return e != nil && e.body != nil
}

// keep puts a body in. One that would take more than half of the room stays out.
func (c *cache) keep(ref stream.Ref, body *stream.Body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := body.Size() + nodeBytes
	e := c.nodes[ref]
	switch {
	case e != nil && e.body != nil || size > c.max/2:
		return
	case e == nil:
		e = &node{ref: ref, body: body, size: size}
		c.nodes[ref] = e
		c.fresh.push(e)
	default:
		e.leave()
		e.body, e.size = body, size
		c.hot.push(e)
	}
	c.shrink()
}

// resize changes the bound.
func (c *cache) resize(max int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.max = max
	c.shrink()
}

func (c *cache) bytes() int { return c.fresh.bytes + c.hot.bytes + c.gone.n*nodeBytes }

// shrink lets go of what is too much. Fresh has a quarter of the room, and what the hot leave of the rest; gone remembers as
// many bytes as there is room for, in at most an eighth of it.
func (c *cache) shrink() {
	for {
		for c.gone.bytes > c.max || c.gone.n*nodeBytes > c.max/8 {
			c.drop(c.gone.root.prev)
		}
		if c.bytes() <= c.max {
			return
		}
		if c.fresh.bytes > c.max/4 {
			e := c.fresh.root.prev
			e.leave()
			e.body = nil
			c.gone.push(e)
		} else {
			c.drop(c.hot.root.prev) // there is one: the others are far below max
		}
	}
}

func (c *cache) drop(e *node) {
	e.leave()
	delete(c.nodes, e.ref)
}
