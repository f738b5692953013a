// Package zsets is the commands on sorted sets: ZADD and its kin, and GEOADD and its kin, for which a place is a score.
//
// Every range, be it of ranks, scores or members, becomes a range of ranks before anything is done with it (interval); every
// command that makes a set of others makes it in memory first, and changes one key in the end.
package zsets

import (
	"math"
	"strconv"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/resp"
)

// Specs lists the commands of the family.
func Specs() []command.Spec {
	return []command.Spec{
		bzmpop, bzpopmax, bzpopmin, geoadd, geodist, geohash, geopos, georadius, georadiusbymember, georadiusbymemberRO,
		georadiusRO, geosearch, geosearchstore, zadd, zcard, zcount, zdiff, zdiffstore, zincrby, zinter, zintercard, zinterstore,
		zlexcount, zmpop, zmscore, zpopmax, zpopmin, zrandmember, zrange, zrangebylex, zrangebyscore, zrangestore, zrank, zrem,
		zremrangebylex, zremrangebyrank, zremrangebyscore, zrevrange, zrevrangebylex, zrevrangebyscore, zrevrank, zscan, zscore,
		zunion, zunionstore,
	}
}

// parsePositive reads a number from low on; all that is not one is the same error.
func parseFrom(low int64, arg []byte, otherwise error) (int64, error) {
	n, err := command.ParseInt(arg)
	if err != nil || n < low {
		return 0, otherwise
	}
	return n, nil
}

// pairs writes elements with their scores: one after the other in RESP2, and each as an array of two in RESP3.
type pairs struct {
	out    *resp.Writer
	nested bool
}

// beginPairs writes the head of n elements, with scores or without.
func beginPairs(out *resp.Writer, n int, scores bool) pairs {
	p := pairs{out, scores && out.Protocol() == 3}
	if scores && !p.nested {
		n *= 2
	}
	out.Array(n)
	return p
}

func (p pairs) write(member []byte, score float64, scores bool) {
	if p.nested {
		p.out.Array(2)
	}
	p.out.Bulk(member)
	if scores {
		p.out.Double(score)
	}
}

// writeElements writes what an iterator yields, n elements.
func writeElements(out *resp.Writer, it *data.ZSetIter, n int, scores bool) {
	p := beginPairs(out, n, scores)
	for {
		member, score, ok := it.Next()
		if !ok {
			return
		}
		p.write(member, score, scores)
	}
}

// appendScore appends a score as ZSCAN shows it. In a small set Redis keeps a whole number as such, and shows all of its
// digits.
func appendScore(b []byte, score float64, small bool) []byte {
	const most = math.MaxInt64 / 2
	if small && math.Abs(score) <= most && score == math.Trunc(score) {
		return strconv.AppendInt(b, int64(score), 10)
	}
	return resp.AppendDouble(b, score)
}
