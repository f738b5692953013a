// Package sets is the commands on sets.
package sets

import (
	"iter"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

// Specs lists the commands of the family.
func Specs() []command.Spec {
	return []command.Spec{
		sadd, srem, smembers, sismember, smismember, scard, spop, srandmember, smove, sscan,
		sinter, sintercard, sinterstore, sunion, sunionstore, sdiff, sdiffstore,
	}
}

var unordered = []string{"nondeterministic_output_order"}

// members are the arguments of a command on members of one set.
type members struct {
	key     []byte
	members [][]byte
}

func parseMembers(args command.Args) (members, error) { return members{args[1], args[2:]}, nil }

// setsAt returns the sets at keys, in memory that the caller has if it suffices.
func setsAt(c *command.Call, few []data.Set, keys [][]byte) ([]data.Set, error) {
	all := few[:0]
	for _, key := range keys {
		s, err := c.Tx.Set(key)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// usual is how many sets a command takes without allocating.
const usual = 8

// writeSet writes a set as a reply.
func writeSet(c *command.Call, s data.Set) {
	c.Out.Set(s.Len())
	for m := range s.All() {
		c.Out.Bulk(m)
	}
}

// writeMembers writes members as a set. How many they are, nobody knows before.
func writeMembers(c *command.Call, members iter.Seq[[]byte]) {
	mark, n := c.Out.Mark(), 0
	for m := range members {
		c.Out.Bulk(m)
		n++
	}
	c.Out.InsertSet(mark, n)
}

// storeSet makes a set what a key holds, and writes its size.
func storeSet(c *command.Call, key []byte, s data.Set) {
	n := s.Len()
	c.Tx.SetStore(key, s)
	c.Out.Int(int64(n))
}
