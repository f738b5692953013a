// Package hashes is the commands on hashes.
package hashes

import (
	"github.com/weirmq/weir/internal/command"
)

// Specs lists the commands of the family.
func Specs() []command.Spec {
	return []command.Spec{
		hset, hsetnx, hmset, hget, hmget, hgetall, hdel, hexists, hlen, hstrlen, hkeys, hvals, hincrby, hincrbyfloat,
		hrandfield, hscan,
		hexpire, hpexpire, hexpireat, hpexpireat, httl, hpttl, hexpiretime, hpexpiretime, hpersist,
		hgetex, hsetex, hgetdel,
	}
}

var unordered = []string{"nondeterministic_output_order"}
