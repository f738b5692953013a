package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/weirmq/weir/internal/oracle"
)

// lookup is the time of a command where many entries are pending and where few
// are, in seconds.
type lookup struct {
	name      string
	many, few float64
}

// How many entries are few, and how the commands are sent.
const (
	smallPending  = 5000
	smallStreams  = 20 // so that many acknowledgements leave each of them about as it was
	lookupBatches = 200
	lookupBatch   = 100
)

// smallGroup is a stream with few pending entries, its IDs shuffled.
type smallGroup struct {
	key string
	ids []entryID
}

// smallGroups makes them.
func (s *session) smallGroups() ([]smallGroup, error) {
	var list []smallGroup
	for i := range smallStreams {
		key := "small:" + strconv.Itoa(i)
		if err := s.fill(key, smallPending, nil); err != nil {
			return nil, err
		}
		if err := s.do("XGROUP", "CREATE", key, turns, "0"); err != nil {
			return nil, err
		}
		ids, err := s.deliver(key, turns, consumers, turnCount, smallPending)
		if err != nil {
			return nil, err
		}
		s.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		list = append(list, smallGroup{key, ids})
	}
	return list, nil
}

// lookups times XACK with the IDs given for it, and XPENDING around IDs that
// stay pending.
func (s *session) lookups(toAck, others []entryID, small []smallGroup) ([]*lookup, error) {
	bulk := func(b []byte, name, key, id string) []byte {
		switch name {
		case "XACK":
			return oracle.AppendCommand(b, "XACK", key, turns, id)
		case "XPENDING":
			return oracle.AppendCommand(b, "XPENDING", key, turns)
		case "XPENDING id + 10":
			return oracle.AppendCommand(b, "XPENDING", key, turns, id, "+", "10")
		case "XPENDING id + 10 consumer":
			return oracle.AppendCommand(b, "XPENDING", key, turns, id, "+", "10", "worker-3")
		}
		panic(name)
	}
	var list []*lookup
	for _, name := range []string{"XPENDING", "XPENDING id + 10", "XPENDING id + 10 consumer", "XACK"} {
		l := &lookup{name: name}
		manyIDs := others
		if name == "XACK" {
			manyIDs = toAck
		}
		var many, few []float64
		err := s.connected(func(c *conn) error {
			for batch := range min(lookupBatches, len(manyIDs)/lookupBatch) {
				g := small[batch%len(small)]
				from := batch / len(small) * lookupBatch
				for _, side := range []struct {
					key   string
					ids   []entryID
					times *[]float64
				}{
					{"bench", manyIDs[batch*lookupBatch:], &many},
					{g.key, g.ids[from:], &few},
				} {
					c.out = c.out[:0]
					for _, id := range side.ids[:lookupBatch] {
						c.out = bulk(c.out, name, side.key, id.String())
					}
					began := monotonic()
					if err := c.exchange(c.out, lookupBatch, func(int) error {
						if name == "XACK" && c.parts[0].n != 1 {
							return fmt.Errorf("XACK of a pending entry of %s replies %d", side.key, c.parts[0].n)
						}
						return nil
					}); err != nil {
						return err
					}
					*side.times = append(*side.times, float64(monotonic()-began)/1e9/lookupBatch)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		l.many, l.few = median(slices.Clone(many)), median(few)
		list = append(list, l)
	}
	return list, nil
}
