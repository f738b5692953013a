package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/weirmq/weir/internal/oracle"
)

// entryID is an ID without a pointer: there are millions of them.
type entryID struct{ ms, seq uint64 }

func parseID(text []byte) (entryID, error) {
	ms, seq, ok := bytes.Cut(text, []byte("-"))
	m, err1 := strconv.ParseUint(string(ms), 10, 64)
	n, err2 := strconv.ParseUint(string(seq), 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return entryID{}, fmt.Errorf("%q is no ID", text)
	}
	return entryID{m, n}, nil
}

func (id entryID) String() string { return fmt.Sprintf("%d-%d", id.ms, id.seq) }

// connected runs work with one connection.
func (s *session) connected(work func(c *conn) error) error {
	g, err := gather(s.server.Addr, 1)
	if err != nil {
		return err
	}
	defer g.close()
	return work(g.conns[0])
}

// fill appends n entries of one field with the IDs that id gives, or with those
// of the server where id is nil.
func (s *session) fill(key string, n int, id func() string) error {
	const pipeline = 500
	auto := oracle.AppendCommand(nil, "XADD", key, "*", "n", "12345")
	return s.connected(func(c *conn) error {
		for done := 0; done < n; {
			batch := min(pipeline, n-done)
			c.out = c.out[:0]
			for range batch {
				if id == nil {
					c.out = append(c.out, auto...)
				} else {
					c.out = oracle.AppendCommand(c.out, "XADD", key, id(), "n", "12345")
				}
			}
			if err := c.exchange(c.out, batch, nil); err != nil {
				return err
			}
			done += batch
		}
		return nil
	})
}

// deliver has so many consumers of a group read the stream by turns until all
// of its n entries are delivered, and returns their IDs.
func (s *session) deliver(key, name string, consumers, count, n int) ([]entryID, error) {
	const pipeline = 96 // of reads
	var reads [][]byte
	for i := range consumers {
		reads = append(reads, oracle.AppendCommand(nil, "XREADGROUP", "GROUP", name, "worker-"+strconv.Itoa(i),
			"COUNT", strconv.Itoa(count), "STREAMS", key, ">"))
	}
	ids := make([]entryID, 0, n)
	err := s.connected(func(c *conn) error {
		for next := 0; len(ids) < n; {
			batch := min(pipeline, (n-len(ids)+count-1)/count)
			c.out = c.out[:0]
			for range batch {
				c.out = append(c.out, reads[next%consumers]...)
				next++
			}
			before := len(ids)
			var wrong error
			if err := c.exchange(c.out, batch, func(int) error {
				_, err := c.delivered(1, func(id, _ part) {
					parsed, err := parseID(c.text(id))
					if err != nil {
						wrong = err
					}
					ids = append(ids, parsed)
				})
				return err
			}); err != nil {
				return err
			}
			if wrong != nil || len(ids) == before {
				return fmt.Errorf("%d of %d entries of %s were delivered (%v)", len(ids), n, key, wrong)
			}
		}
		return nil
	})
	return ids, err
}

// acknowledge sends XACKs of ten IDs.
func (s *session) acknowledge(key, name string, ids []entryID) error {
	return s.connected(func(c *conn) error {
		for batch := range slices.Chunk(ids, 1000) {
			c.out = c.out[:0]
			commands := 0
			for ten := range slices.Chunk(batch, 10) {
				args := []string{"XACK", key, name}
				for _, id := range ten {
					args = append(args, id.String())
				}
				c.out = oracle.AppendCommand(c.out, args...)
				commands++
			}
			acknowledged := 0
			if err := c.exchange(c.out, commands, func(int) error {
				acknowledged += c.parts[0].n
				return nil
			}); err != nil {
				return err
			}
			if acknowledged != len(batch) {
				return fmt.Errorf("%d of %d pending entries were acknowledged", acknowledged, len(batch))
			}
		}
		return nil
	})
}
