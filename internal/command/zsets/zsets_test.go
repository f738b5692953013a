package zsets_test

import (
	"fmt"
	"testing"

	"github.com/weirmq/weir/internal/command/commandtest"
	"github.com/weirmq/weir/internal/command/zsets"
)

func TestCommandsOnSortedSetsAllocateNothing(t *testing.T) {
	for _, members := range []int{5, 1000} {
		r := commandtest.New(2, zsets.Specs())
		for i := range members {
			r.Reply(fmt.Sprintf("ZADD z %d member:%06d", i, i))
		}
		r.AllocateNothing(t, [][2]string{
			{"ZADD z 7 member:000001", "ZADD z 1 member:000001"}, {"ZADD z 3.5 new", "ZREM z new"},
			{"ZSCORE z member:000002", "ZCARD z"}, {"ZRANK z member:000003", "ZREVRANK z member:000003"},
			{"ZINCRBY z 1 member:000004", "ZINCRBY z -1 member:000004"}, {"ZCOUNT z -inf 3", "ZMSCORE z member:000001 none"},
			{"ZRANGE z 0 -1", "ZREVRANGE z 0 2 WITHSCORES"},
		})
		if members == 5 { // of a large one a copy of each member is made that goes
			r.AllocateNothing(t, [][2]string{{"ZADD z -1 first", "ZPOPMIN z"}})
		}
	}
}

func TestSortedSetsRefuseWhatRedisRefuses(t *testing.T) {
	r := commandtest.New(2, zsets.Specs())
	r.Reply("ZADD z inf a 1 b")
	for command, want := range map[string]string{
		"ZADD z 1":                        "ERR wrong number of arguments for 'zadd' command",
		"ZADD z 1 a 2":                    "ERR syntax error",
		"ZADD z x a":                      "ERR value is not a valid float",
		"ZADD z nan a":                    "ERR value is not a valid float",
		"ZADD z NX XX 1 a":                "ERR XX and NX options at the same time are not compatible",
		"ZADD z GT LT 1 a":                "ERR GT, LT, and/or NX options at the same time are not compatible",
		"ZADD z INCR 1 a 2 b":             "ERR INCR option supports a single increment-element pair",
		"ZINCRBY z -inf a":                "ERR resulting score is not a number (NaN)",
		"ZRANGE z (1 2":                   "ERR value is not an integer or out of range",
		"ZRANGE z (x 2 BYSCORE":           "ERR min or max is not a float",
		"ZRANGE z a [b BYLEX":             "ERR min or max not valid string range item",
		"ZRANGE z 0 1 LIMIT 0 1":          "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
		"ZRANGE z [a [b BYLEX WITHSCORES": "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
		"ZUNIONSTORE d 0 z":               "ERR at least 1 input key is needed for 'zunionstore' command",
		"ZUNIONSTORE d 2 z":               "ERR syntax error",
		"ZINTER 1 z WEIGHTS x":            "ERR weight value is not a float",
		"ZMPOP 0 z MIN":                   "ERR numkeys should be greater than 0",
		"ZMPOP 1 z MIDDLE":                "ERR syntax error",
		"ZPOPMIN z -1":                    "ERR value is out of range, must be positive",
		"ZRANDMEMBER z x":                 "ERR value is not an integer or out of range",
		"GEOADD g 181 0 a":                "ERR invalid longitude,latitude pair 181.000000,0.000000",
		"GEODIST z a b parsec":            "ERR unsupported unit provided. please use M, KM, FT, MI",
	} {
		if got := r.Reply(command); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}
